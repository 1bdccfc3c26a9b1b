"""Rules on devices: each that is named exists, has one owner, and tells what it can do."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.devices import SERIAL_PORTS, VIRTIO_SLOTS
from questv.system.draft import Draft, Located, repeated
from questv.system.findings import too_many
from questv.system.model import UartDevice, VirtioConsoleDevice
from questv.system.wording import one_of, suggest

DEVICES_MAXIMUM = 4


def device_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A serial port is known by its name, which stands for its ports and interrupt."""
    for device in draft.devices:
        name = device.item.name
        if isinstance(device.item, UartDevice) and name not in SERIAL_PORTS:
            yield Diagnostic(
                device.value("name"),
                f'there is no {device.item.kind} "{name}"',
                f"write {one_of(SERIAL_PORTS)}",
                "device-unknown",
            )


def device_taken(draft: Draft) -> Iterator[Diagnostic]:
    """A device has one owner, which alone reaches its registers and gets its interrupt."""
    ports = [device for device in draft.devices if isinstance(device.item, UartDevice)]
    for first, again in repeated(ports, lambda device: device.item.name):
        yield Diagnostic(
            again.value("name"),
            f'device "{again.item.name}" of "{again.item.owner}" is that of '
            f'"{first.item.owner}" (line {first.line}) too',
            "keep one of the two, and send over a channel to its owner",
            "device-taken",
        )


def device_owner_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A device is driven by a sandbox, since there is no kernel beside or below them to do it."""
    for device in draft.devices:
        owner = device.item.owner
        if owner not in draft.sandbox_names:
            yield Diagnostic(
                device.value("owner"),
                f'device "{device.item.name}": there is no sandbox "{owner}"',
                suggest(owner, draft.sandbox_names, "add a [[sandbox]] of this name"),
                "device-owner-unknown",
            )


def devices_too_many(draft: Draft) -> Iterator[Diagnostic]:
    """A kernel has a table of the devices that it drives, which never grows."""
    for sandbox in draft.sandboxes:
        name = sandbox.item.name
        own = [device for device in draft.devices if device.item.owner == name]
        fix = "give some to another sandbox"
        what = f"{len(own)} devices"
        yield from too_many(sandbox, own, DEVICES_MAXIMUM, what, fix, "devices-too-many")


def device_slot_range(draft: Draft) -> Iterator[Diagnostic]:
    """QEMU's microvm has 24 slots for virtio devices; number 0 interrupts as number 2 does."""
    for device in _virtio(draft):
        if not _exists(device):
            yield Diagnostic(
                device.value("slot"),
                f"slot {device.item.slot} can't be used: slots are {min(VIRTIO_SLOTS)} to "
                f"{max(VIRTIO_SLOTS)}",
                _slot_fix(draft, device),
                "device-slot-range",
            )


def device_slot_taken(draft: Draft) -> Iterator[Diagnostic]:
    """A slot holds one device."""
    for first, again in repeated(filter(_exists, _virtio(draft)), lambda each: each.item.slot):
        yield Diagnostic(
            again.value("slot"),
            f'device "{first.item.name}" (line {first.line}) is in slot {first.item.slot} already',
            _slot_fix(draft, again),
            "device-slot-taken",
        )


def device_page_shared(draft: Draft) -> Iterator[Diagnostic]:
    """Eight slots lie on a page, the least that page tables can give: so they have one owner."""
    known = [device for device in _virtio(draft) if _exists(device)]
    for index, device in enumerate(known):
        for first in known[:index]:
            if first.item.slot == device.item.slot or not _share_a_page(first, device):
                continue
            if first.item.owner != device.item.owner:
                yield Diagnostic(
                    device.value("slot"),
                    f'slot {device.item.slot}, of "{device.item.owner}", is on one page with slot '
                    f'{first.item.slot}, of "{first.item.owner}" (line {first.line})',
                    _slot_fix(draft, device),
                    "device-page-shared",
                )
                break


def device_dma_untrusted(draft: Draft) -> Iterator[Diagnostic]:
    """A virtio device reads and writes memory wherever its driver says, past all page tables."""
    for device in _virtio(draft):
        if device.item.dma is None:
            owner = device.item.owner
            yield Diagnostic(
                device.key(),
                f'device "{device.item.name}" moves data by DMA, and no IOMMU limits where: '
                f'through it, "{owner}" can read and write all memory',
                f'write dma = "trusted" if "{owner}" may be trusted with that, or give it a '
                'device of kind "uart" instead',
                "device-dma-untrusted",
            )


def _virtio(draft: Draft) -> Iterator[Located[VirtioConsoleDevice]]:
    for device in draft.devices:
        if isinstance(device.item, VirtioConsoleDevice):
            yield Located(device.item, device.path, device.document)


def _exists(device: Located[VirtioConsoleDevice]) -> bool:
    return device.item.slot in VIRTIO_SLOTS


def _share_a_page(
    first: Located[VirtioConsoleDevice], second: Located[VirtioConsoleDevice]
) -> bool:
    return VIRTIO_SLOTS[first.item.slot].page == VIRTIO_SLOTS[second.item.slot].page


def _slot_fix(draft: Draft, device: Located[VirtioConsoleDevice]) -> str:
    """Which slot a device could have instead: on a page of its owner's, or of nobody's."""
    others = [each for each in _virtio(draft) if _exists(each) and each.path != device.path]
    owner = device.item.owner
    pages = {VIRTIO_SLOTS[each.item.slot].page for each in others if each.item.owner != owner}
    taken = {each.item.slot for each in others}
    for number, slot in VIRTIO_SLOTS.items():
        if number not in taken and slot.page not in pages:
            return f"write slot = {number}"
    return "give it to an owner of another device of this kind, or leave it out"


RULES = (
    device_unknown,
    device_taken,
    device_owner_unknown,
    devices_too_many,
    device_slot_range,
    device_slot_taken,
    device_page_shared,
    device_dma_untrusted,
)
