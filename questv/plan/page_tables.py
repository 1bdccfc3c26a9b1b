"""Builds page tables: a kernel's own, a monitor's own, and nested ones. All have one format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from questv.arch.x86.paging import (
    ACCESSED,
    CACHE_DISABLE,
    DIRTY,
    ENTRIES,
    LARGE,
    LARGE_PAGE_SIZE,
    NO_EXECUTE,
    PAGE_SIZE,
    PRESENT,
    USER,
    WRITABLE,
)

_LEVELS = 4
_PAGE_SHIFT = 12
_INDEX_BITS = 9


@dataclass(frozen=True)
class Mapping:
    """A stretch of addresses that shows a stretch of physical memory, in whole pages.

    ``rights`` are ``r``, ``rw`` or ``rx``; ``device`` memory is not cached.
    """

    address: int
    physical: int
    size: int
    rights: str
    device: bool = False


@dataclass
class _Table:
    """One table of 512 entries: leaf values, or tables of the next level, by index."""

    entries: dict[int, int | _Table] = field(default_factory=dict)

    def count(self) -> int:
        below = (entry.count() for entry in self.entries.values() if isinstance(entry, _Table))
        return 1 + sum(below)


class PageTables:
    """A set of four-level page tables for ``mappings``, which do not overlap.

    With ``user`` they show them to user mode. Nested ones have to: they are walked on behalf of a
    guest, whose every access counts as a user's. The accessed and dirty bits of all are set
    beforehand, so that the processor writes none of them.
    """

    def __init__(self, mappings: Iterable[Mapping], *, user: bool) -> None:
        """Work the tables out; raises ValueError if mappings overlap or are not whole pages."""
        self._user = USER if user else 0
        self._top = _Table()
        for mapping in mappings:
            self._map(mapping)

    @property
    def size(self) -> int:
        """The bytes that the tables take."""
        return self._top.count() * PAGE_SIZE

    def contents(self, physical: int) -> bytes:
        """The tables as they must stand at this physical address; the top one comes first."""
        pages: list[bytes] = []
        self._lay(self._top, physical, pages)
        return b"".join(pages)

    def _lay(self, table: _Table, physical: int, pages: list[bytes]) -> int:
        """Append ``table`` and all below it; returns the address of ``table``."""
        own = len(pages)
        pages.append(b"")
        words = [0] * ENTRIES
        for index, entry in sorted(table.entries.items()):
            if isinstance(entry, _Table):
                below = self._lay(entry, physical, pages)
                words[index] = below | PRESENT | WRITABLE | ACCESSED | self._user
            else:
                words[index] = entry
        pages[own] = b"".join(word.to_bytes(8, "little") for word in words)
        return physical + own * PAGE_SIZE

    def _map(self, mapping: Mapping) -> None:
        if (mapping.address | mapping.physical | mapping.size) % PAGE_SIZE:
            raise ValueError(f"{mapping} is not in whole pages")
        done = 0
        while done < mapping.size:
            address, physical = mapping.address + done, mapping.physical + done
            large = (address | physical) % LARGE_PAGE_SIZE == 0
            if large and mapping.size - done >= LARGE_PAGE_SIZE:
                self._enter(address, physical | self._bits(mapping) | LARGE, 2)
                done += LARGE_PAGE_SIZE
            else:
                self._enter(address, physical | self._bits(mapping), 1)
                done += PAGE_SIZE

    def _bits(self, mapping: Mapping) -> int:
        bits = PRESENT | ACCESSED | DIRTY | self._user
        if "w" in mapping.rights:
            bits |= WRITABLE
        if "x" not in mapping.rights:
            bits |= NO_EXECUTE
        if mapping.device:
            bits |= CACHE_DISABLE
        return bits

    def _enter(self, address: int, leaf: int, level: int) -> None:
        table = self._top
        for above in range(_LEVELS, level, -1):
            index = _index(address, above)
            below = table.entries.get(index)
            if below is None:
                below = table.entries[index] = _Table()
            if not isinstance(below, _Table):
                raise ValueError(f"two mappings hold {address:#x}")
            table = below
        if _index(address, level) in table.entries:
            raise ValueError(f"two mappings hold {address:#x}")
        table.entries[_index(address, level)] = leaf


def _index(address: int, level: int) -> int:
    return address >> _PAGE_SHIFT + _INDEX_BITS * (level - 1) & ENTRIES - 1
