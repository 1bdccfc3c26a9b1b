"""Rules on devices: each that is named exists, and has one owner."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.devices import SERIAL_PORTS
from questv.system.draft import Draft, repeated
from questv.system.wording import one_of, suggest


def device_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A device is known by its name, which stands for its ports and interrupt."""
    for device in draft.devices:
        name = device.item.name
        if name not in SERIAL_PORTS:
            yield Diagnostic(
                device.value("name"),
                f'there is no {device.item.kind} "{name}"',
                f"write {one_of(SERIAL_PORTS)}",
                "device-unknown",
            )


def device_taken(draft: Draft) -> Iterator[Diagnostic]:
    """A device has one owner, which alone reaches its registers and gets its interrupt."""
    for first, again in repeated(draft.devices, lambda device: device.item.name):
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


RULES = (device_unknown, device_taken, device_owner_unknown)
