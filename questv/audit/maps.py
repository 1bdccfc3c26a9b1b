"""Permission maps, decoded by the manual: what a guest reaches without an exit.

A set bit leads to the monitor. In the MSR map (APM vol. 2, 15.11) each MSR of three ranges has
two bits, for reading and for writing; each range takes 2 KiB, and the last 2 KiB are reserved. In
the I/O map (APM vol. 2, 15.10.1) each port has one; the last page is for accesses to port 0xFFFF
that are wider than one byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from questv.audit.model import TableEntry, Violation
from questv.audit.sources import Memory
from questv.plan.model import Owner

_MSR_RANGES = (0x0000_0000, 0xC000_0000, 0xC001_0000)
_RANGE_BITS = 0x800 * 8
_PORTS = 1 << 16

GUARD_SIZE = 0x800  # the bytes of the first range
GUARD_DISTANCES = (1 << 30, 2 << 30, 3 << 30)
OwnerAt = Callable[[int], Owner | None]
"""The owner of a physical page, if the plan knows one."""


def check_msrs(
    who: str, contents: bytes, at: int, declared: set[tuple[int, str]]
) -> Iterator[Violation]:
    """Each bit of an MSR map that is not as ``declared``, a set of MSRs with the accesses to them.

    ``at`` is where the map is.
    """
    left = set(declared)
    for bit in _clear_bits(contents):
        number, access = _msr(bit)
        if number is None:
            what = f"'{who}' has bit {bit:#x} of its MSR map clear, which stands for no MSR"
            yield Violation(who, what, "set", entry=_word(contents, at, bit))
            continue
        if (number, access) not in declared:
            yield Violation(
                who,
                f"'{who}' may {access} MSR {number:#x} without an exit",
                _accesses(declared, number),
                right=access,
                entry=_word(contents, at, bit),
            )
        left.discard((number, access))
    for number, access in sorted(left):
        yield Violation(who, f"'{who}' may not {access} MSR {number:#x} without an exit", access)


def check_guards(who: str, memory: Memory, at: int, owner_at: OwnerAt) -> Iterator[Violation]:
    """What lies behind the MSR map at ``at``, where QEMU may look for the permission.

    Processors take the number of an MSR from the lower half of rcx. QEMU 10 takes all of it: for an
    MSR of the first range it looks ``rcx * 2`` bits behind the map's start, in 32 bits of bytes, so
    that bits 32 and 33 of rcx lead it 1, 2 or 3 GiB further. There must be ones for good.
    """
    for distance in GUARD_DISTANCES:
        start = at + distance
        owners = {owner_at(start), owner_at(start + GUARD_SIZE - 1)}
        if owners != {Owner.GUARD}:
            where = f"{start:#x}, {distance >> 30} GiB behind its MSR map"
            yield Violation(who, f"'{who}' has no guard at {where}", "ones for good", start)
            continue
        contents = memory.read(start, GUARD_SIZE)
        for bit in _clear_bits(contents):
            number, access = bit // 2, "write" if bit & 1 else "read"
            yield Violation(
                who,
                f"'{who}' may {access} MSR {number:#x} by rcx = {number | distance << 2:#x}",
                "nothing of it",
                start,
                access,
                _word(contents, start, bit),
            )


def check_ports(who: str, contents: bytes, at: int, declared: set[int]) -> Iterator[Violation]:
    """Each bit of an I/O map that is not as ``declared``, a set of ports; ``at`` is where it is."""
    left = set(declared)
    for bit in _clear_bits(contents):
        if bit not in declared:
            where = f"port {bit:#x}" if bit < _PORTS else f"{bit - _PORTS + 1} beyond port 0xffff"
            yield Violation(
                who,
                f"'{who}' may use {where} without an exit",
                "nothing of it",
                right="use",
                entry=_word(contents, at, bit),
            )
        left.discard(bit)
    for port in sorted(left):
        yield Violation(who, f"'{who}' may not use port {port:#x} without an exit", "use")


_CHUNK = 64
_FULL = b"\xff" * _CHUNK


def _clear_bits(contents: bytes) -> Iterator[int]:
    for start in range(0, len(contents), _CHUNK):
        chunk = contents[start : start + _CHUNK]
        if chunk != _FULL:  # almost all of a map is
            for index, byte in enumerate(chunk, start):
                yield from (8 * index + bit for bit in range(8) if not byte >> bit & 1)


def _msr(bit: int) -> tuple[int | None, str]:
    """The MSR that a bit stands for, if it stands for any, and the access to it."""
    part, within = divmod(bit, _RANGE_BITS)
    access = "write" if within & 1 else "read"
    if part >= len(_MSR_RANGES):
        return None, access
    return _MSR_RANGES[part] + within // 2, access


def _accesses(declared: set[tuple[int, str]], number: int) -> str:
    found = [access for access in ("read", "write") if (number, access) in declared]
    return f"to {' and '.join(found)} it" if found else "nothing of it"


def _word(contents: bytes, at: int, bit: int) -> TableEntry:
    """The word of the map that has the bit."""
    index = bit // 64
    return TableEntry(at, index, int.from_bytes(contents[8 * index : 8 * index + 8], "little"))
