"""Walks page tables: all four levels, every entry, whatever is written there."""

from __future__ import annotations

import struct
from collections.abc import Container
from dataclasses import dataclass

from questv.audit.entries import ENTRIES, LEVELS, TABLE_SIZE, Entry
from questv.audit.sources import Memory, NoMemoryError

_TABLE = struct.Struct(f"<{ENTRIES}Q")
_SIGN = 1 << 47
_CANONICAL = 0xFFFF_0000_0000_0000


@dataclass(frozen=True, slots=True)
class Above:
    """What all entries on the way from the top grant: a right needs all of them (APM, 5.6)."""

    writable: bool = True
    executable: bool = True
    user: bool = True

    def below(self, entry: Entry) -> Above:
        """What is left below ``entry``."""
        return Above(
            self.writable and entry.writable,
            self.executable and entry.executable,
            self.user and entry.user,
        )


@dataclass(frozen=True, slots=True)
class Leaf:
    """Memory that is shown: ``size`` bytes from physical address ``physical`` on, at ``address``.

    ``user`` is whether user mode, or a guest, gets there at all.
    """

    address: int
    physical: int
    size: int
    writable: bool
    executable: bool
    user: bool
    uncached: bool
    entry: Entry

    @property
    def rights(self) -> str:
        """``r``, with ``w`` and ``x``."""
        return "r" + "w" * self.writable + "x" * self.executable


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that is wrong whatever was declared; it stands for addresses from ``address`` on."""

    entry: Entry
    address: int
    what: str


class Walk:
    """What a set of tables shows, and what is wrong with the tables themselves."""

    def __init__(self, memory: Memory, own: Container[int]) -> None:
        """Nothing is walked yet. ``own`` has the addresses at which tables of this set may be."""
        self._memory = memory
        self._own = own
        self.leaves: list[Leaf] = []
        self.faults: list[Fault] = []
        self.tables: set[int] = set()

    def from_top(self, root: int) -> Walk:
        """Walk from the top table at ``root`` on."""
        self._table(root, LEVELS, 0, Above(), Entry(root, 0, root, LEVELS))
        return self

    def entry(self, entry: Entry, address: int, above: Above) -> None:
        """Look at one entry, which stands for addresses from ``address`` on, and all below it."""
        self.faults += [Fault(entry, address, what) for what in entry.faults()]
        if not entry.present:
            return
        above = above.below(entry)
        if entry.shows_memory:
            shown = entry.target, entry.size
            rights = above.writable, above.executable, above.user
            self.leaves.append(Leaf(address, *shown, *rights, entry.uncached, entry))
        else:
            self._table(entry.target, entry.level - 1, address, above, entry)

    def _table(self, table: int, level: int, base: int, above: Above, leading: Entry) -> None:
        if table not in self._own:
            self.faults.append(Fault(leading, base, f"leads to {table:#x}, where no table may be"))
            return
        if table in self.tables:
            what = f"leads to the table at {table:#x}, which is reached from elsewhere too"
            self.faults.append(Fault(leading, base, what))
            return
        self.tables.add(table)
        try:
            words = _TABLE.unpack(self._memory.read(table, TABLE_SIZE))
        except NoMemoryError as error:
            self.faults.append(Fault(leading, base, f"leads to {table:#x}: {error}"))
            return
        for index, value in enumerate(words):
            if value:
                entry = Entry(table, index, value, level)
                self.entry(entry, _canonical(base + index * entry.size), above)


def _canonical(address: int) -> int:
    """Addresses have 48 bits, of which the highest is repeated (APM vol. 2, 5.3.1)."""
    return address | _CANONICAL if address & _SIGN else address
