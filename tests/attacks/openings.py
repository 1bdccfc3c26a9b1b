"""Holes, made on purpose while the machine runs: each gives the attacker what it must not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from questv.arch.x86.paging import (
    ACCESSED,
    ADDRESS_MASK,
    DIRTY,
    ENTRIES,
    LARGE,
    NO_EXECUTE,
    PRESENT,
    USER,
    WRITABLE,
)
from questv.arch.x86.svm import MSR_MAP_RANGES, Intercept3, Intercept4, Vmcb
from questv.metal.structs import offsetof

if TYPE_CHECKING:
    from .harness import Arena

Opening = Callable[["Arena"], None]

_ATTACKER = "attacker"


def page(address: int, rights: str) -> Opening:
    """Show the page at a physical address in the attacker's nested tables."""

    def open_up(arena: Arena) -> None:
        table = arena.plan.sandbox(_ATTACKER).nested_tables
        for level in (4, 3, 2):
            entry = arena.word(table + 8 * _index(address, level))
            assert entry & PRESENT and not entry & LARGE, "no table leads there"
            table = entry & ADDRESS_MASK
        leaf = address & ADDRESS_MASK | PRESENT | USER | ACCESSED | DIRTY
        leaf |= WRITABLE if "w" in rights else 0
        leaf |= 0 if "x" in rights else NO_EXECUTE
        arena.memory.write(table + 8 * _index(address, 1), leaf.to_bytes(8, "little"))

    return open_up


def _index(address: int, level: int) -> int:
    return address >> 12 + 9 * (level - 1) & ENTRIES - 1


def msr(number: int) -> Opening:
    """Let an MSR be read and written without an exit."""

    def open_up(arena: Arena) -> None:
        first, offset = max(each for each in MSR_MAP_RANGES if each[0] <= number)
        bit = 2 * (number - first)
        _clear(arena, arena.plan.sandbox(_ATTACKER).msr_map + offset + bit // 8, 0b11 << bit % 8, 1)

    return open_up


def port(number: int) -> Opening:
    """Let a port be used without an exit."""

    def open_up(arena: Arena) -> None:
        _clear(arena, arena.plan.sandbox(_ATTACKER).io_map + number // 8, 1 << number % 8, 1)

    return open_up


def doorbell(command: int) -> Opening:
    """Let the monitor send what is no doorbell of the plan."""

    def open_up(arena: Arena) -> None:
        allowed = arena.built.monitor.symbols.address("questv.monitor.apic.allowed")
        place = allowed + 8 * (command & 0xFF)
        for window in arena.plan.sandbox(_ATTACKER).monitor_windows:
            if window.address <= place < window.address + window.size:
                physical = window.physical + place - window.address
                arena.memory.write(physical, command.to_bytes(8, "little"))

    return open_up


def intercept(bit: Intercept3 | Intercept4) -> Opening:
    """Let an event or instruction pass that leads to the monitor, from the next entry on."""

    def open_up(arena: Arena) -> None:
        field = "intercept3" if isinstance(bit, Intercept3) else "intercept4"
        place = arena.plan.sandbox(_ATTACKER).control + offsetof(Vmcb, field)
        _clear(arena, place, int(bit), 4)

    return open_up


def _clear(arena: Arena, address: int, bits: int, size: int) -> None:
    word = int.from_bytes(arena.memory.read(address, size), "little")
    assert word & bits, "it was open already"
    arena.memory.write(address, (word & ~bits).to_bytes(size, "little"))


NAMED = {"CR0": intercept(Intercept3.CR0_SELECTIVE_WRITE)}
"""What cases name as what the attacker was given."""
