"""Rules on I/O ports and model-specific registers that are allowed by number."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.devices import SERIAL_PORTS
from questv.system.draft import Draft, Located, msrs, ports, repeated
from questv.system.model import PortRange, Sandbox, UartDevice
from questv.system.reserved import RESERVED_MSRS, RESERVED_PORTS

PORTS = range(0x10000)

MSR_MAP = (range(0x2000), range(0xC0000000, 0xC0002000), range(0xC0010000, 0xC0012000))
"""The MSRs that AMD's permission map covers: an access to another one always exits."""


def ports_range(draft: Draft) -> Iterator[Diagnostic]:
    """x86 has 65,536 I/O ports, and the permission map has a bit for each."""
    for _, part in _all_ports(draft):
        for key, port in (("first", part.item.first), ("last", part.item.last)):
            if port not in PORTS:
                yield Diagnostic(
                    part.value(key),
                    f"there is no port {port:#x}: ports are 0 to {PORTS[-1]:#x}",
                    "write a number in this range",
                    "ports-range",
                )


def ports_reversed(draft: Draft) -> Iterator[Diagnostic]:
    """A range that ends before it begins holds nothing, so something else was meant."""
    for _, part in _all_ports(draft):
        if part.item.last < part.item.first:
            yield Diagnostic(
                part.value("last"),
                f"the last port {part.item.last:#x} is below the first, {part.item.first:#x}",
                "swap the two",
                "ports-reversed",
            )


def ports_taken(draft: Draft) -> Iterator[Diagnostic]:
    """A port belongs to one sandbox: what two write to a device meets in no order."""
    everything = list(_all_ports(draft))
    for index, (sandbox, part) in enumerate(everything):
        for owner, first in everything[:index]:
            common = _common(part.item, range(first.item.first, first.item.last + 1))
            if common:
                yield Diagnostic(
                    part.key("first"),
                    f'{_ports(common)} of "{sandbox.item.name}" '
                    f'{_are(common)} given to "{owner.item.name}" (line {first.line}) already',
                    "give each port to one sandbox, once",
                    "ports-taken",
                )


def ports_of_device(draft: Draft) -> Iterator[Diagnostic]:
    """The ports of a device go to its owner with it, and to nobody else."""
    for _, part in _all_ports(draft):
        for device in draft.devices:
            is_port = isinstance(device.item, UartDevice)
            port = SERIAL_PORTS.get(device.item.name) if is_port else None
            common = _common(part.item, port.ports if port else range(0))
            if common:
                yield Diagnostic(
                    part.key("first"),
                    f'{_ports(common)} {_are(common)} given to "{device.item.owner}" '
                    f'with device "{device.item.name}" (line {device.line})',
                    "leave these ports out",
                    "ports-of-device",
                )


def ports_reserved(draft: Draft) -> Iterator[Diagnostic]:
    """Some ports command the whole machine: whoever has one can stop or seize other sandboxes."""
    for _, part in _all_ports(draft):
        for reserved in RESERVED_PORTS:
            common = _common(part.item, reserved.numbers)
            if common:
                yield Diagnostic(
                    part.key("first"),
                    f"{_ports(common)} can't be given: {reserved.what}, {reserved.danger}",
                    "leave these ports out",
                    "ports-reserved",
                )


def msr_unmapped(draft: Draft) -> Iterator[Diagnostic]:
    """Only MSRs in the ranges of the permission map can be let through without an exit."""
    for sandbox in draft.sandboxes:
        for msr in msrs(sandbox):
            if not any(msr.item.number in part for part in MSR_MAP):
                known = ", ".join(f"{part[0]:#x} to {part[-1]:#x}" for part in MSR_MAP)
                yield Diagnostic(
                    msr.value("number"),
                    f"MSR {msr.item.number:#x} is out of the permission map",
                    f"name one of {known}",
                    "msr-unmapped",
                )


def msr_repeated(draft: Draft) -> Iterator[Diagnostic]:
    """Of two entries for one register in one sandbox, nobody can tell which right is meant."""
    for sandbox in draft.sandboxes:
        for first, again in repeated(msrs(sandbox), lambda msr: msr.item.number):
            yield Diagnostic(
                again.value("number"),
                f"MSR {again.item.number:#x} is given at line {first.line} already",
                "keep one of the two",
                "msr-repeated",
            )


def msr_reserved(draft: Draft) -> Iterator[Diagnostic]:
    """Some MSRs undo the isolation of a core or act on all cores; not even reading is given."""
    for sandbox in draft.sandboxes:
        for msr in msrs(sandbox):
            for reserved in RESERVED_MSRS:
                if msr.item.number in reserved.numbers:
                    yield Diagnostic(
                        msr.value("number"),
                        f"MSR {msr.item.number:#x} can't be given: "
                        f"{reserved.what}, {reserved.danger}",
                        "remove this [[sandbox.msr]]",
                        "msr-reserved",
                    )


def _all_ports(draft: Draft) -> Iterator[tuple[Located[Sandbox], Located[PortRange]]]:
    for sandbox in draft.sandboxes:
        for part in ports(sandbox):
            yield sandbox, part


def _common(ports: PortRange, others: range) -> range:
    """The ports that are among ``ports`` and ``others`` both, which may be none."""
    return range(max(ports.first, others.start), min(ports.last + 1, others.stop))


def _ports(numbers: range) -> str:
    if len(numbers) == 1:
        return f"port {numbers[0]:#x}"
    return f"ports {numbers[0]:#x} to {numbers[-1]:#x}"


def _are(numbers: range) -> str:
    return "is" if len(numbers) == 1 else "are"


RULES = (
    ports_range,
    ports_reversed,
    ports_taken,
    ports_of_device,
    ports_reserved,
    msr_unmapped,
    msr_repeated,
    msr_reserved,
)
