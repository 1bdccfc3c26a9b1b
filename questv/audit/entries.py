"""Entries of page tables, decoded by the manual (AMD64 APM vol. 2, 5.3, 5.4 and 15.25).

Four levels of 512 entries of 8 bytes: 4 is the top (PML4E), 1 the last (PTE). Kernel, monitor and
nested tables have the same format.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = 4
ENTRIES = 512
TABLE_SIZE = 4096

_PRESENT = 1 << 0
_WRITABLE = 1 << 1
_USER = 1 << 2
_UNCACHED = 1 << 4  # PCD
_ACCESSED = 1 << 5
_DIRTY = 1 << 6  # in an entry that shows memory
_LARGE = 1 << 7  # PS, at levels 3 and 2; at level 1 that bit is PAT
_NO_EXECUTE = 1 << 63
_ADDRESS = 0x000F_FFFF_FFFF_F000

_FOR_TABLES = _PRESENT | _WRITABLE | _USER | _ACCESSED | _ADDRESS | _NO_EXECUTE
_FOR_MEMORY = _FOR_TABLES | _UNCACHED | _DIRTY

_NAMES = {
    3: "write-through (PWT)",
    4: "no caching (PCD)",
    6: "dirty",
    7: "large page or PAT",
    8: "global",
    12: "PAT or a part of a large page's address",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry ``index`` of the table at physical address ``table``, which is of ``level``."""

    table: int
    index: int
    value: int
    level: int

    @property
    def present(self) -> bool:
        """Whether the processor goes on; if not, it looks at nothing else in the entry."""
        return bool(self.value & _PRESENT)

    @property
    def writable(self) -> bool:
        """Whether what is below may be written to."""
        return bool(self.value & _WRITABLE)

    @property
    def user(self) -> bool:
        """Whether what is below is for user mode, as which every access of a guest counts."""
        return bool(self.value & _USER)

    @property
    def executable(self) -> bool:
        """Whether what is below may be executed."""
        return not self.value & _NO_EXECUTE

    @property
    def uncached(self) -> bool:
        """Whether the processor keeps what it shows out of its caches, as devices need it."""
        return bool(self.value & _UNCACHED)

    @property
    def shows_memory(self) -> bool:
        """Whether it shows memory; if not, another table."""
        return self.level == 1 or (self.level < LEVELS and bool(self.value & _LARGE))

    @property
    def size(self) -> int:
        """The bytes of addresses that it stands for."""
        return TABLE_SIZE << 9 * (self.level - 1)

    @property
    def target(self) -> int:
        """Where the memory or the table is."""
        address = self.value & _ADDRESS
        return address & -self.size if self.shows_memory else address

    def faults(self) -> list[str]:
        """What is wrong with the entry for itself, whatever it shows.

        Bits that must be zero, and those that nobody here uses: an entry says what it has to and
        nothing else. The accessed and dirty bits must be set, or the processor would write to the
        table.
        """
        if not self.present:
            return ["is not present, and yet not empty"] if self.value else []
        allowed, needed = _FOR_TABLES, _ACCESSED
        if self.shows_memory:
            # Of a large page's address the low bits must be zero, and PAT is among them.
            allowed = _FOR_MEMORY & ~(_ADDRESS & self.size - 1)
            allowed |= _LARGE if self.level > 1 else 0
            needed = _ACCESSED | _DIRTY
        strange = self.value & ~allowed
        found = [
            f"has bit {bit} set{_named(bit)}, which must be clear"
            for bit in range(strange.bit_length())
            if strange >> bit & 1
        ]
        if self.value & needed != needed:
            found.append("leaves it to the processor to set its accessed or dirty bit")
        return found


def _named(bit: int) -> str:
    return f" ({_NAMES[bit]})" if bit in _NAMES else ""
