"""Walks page tables in the bytes of an image. Shares no code and no constants with the product.

Written from the processor's manual (AMD64 APM vol. 2, 5.3 and 15.25): four levels of 512 entries
of 8 bytes; an address has 9 bits for each level above the 12 bits inside a page.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Read = Callable[[int, int], bytes]


@dataclass(frozen=True)
class Page:
    """4 KiB at ``address``, as they are shown: from where, with which rights."""

    address: int
    physical: int
    writable: bool
    executable: bool
    user: bool
    uncached: bool
    accessed: bool  # at every level
    dirty: bool

    @property
    def rights(self) -> str:
        return "r" + "w" * self.writable + "x" * self.executable


@dataclass(frozen=True)
class Walk:
    """What a set of tables shows, by address, and the pages that the tables themselves take."""

    pages: dict[int, Page]
    tables: list[int]


def walk(read: Read, root: int) -> Walk:
    """Everything that the tables with the top one at ``root`` show."""
    pages: dict[int, Page] = {}
    tables: list[int] = []
    for page in _table(read, root, 4, 0, (True, True, True, True), tables):
        assert page.address not in pages
        pages[page.address] = page
    return Walk(pages, tables)


def _table(
    read: Read,
    at: int,
    level: int,
    base: int,
    above: tuple[bool, bool, bool, bool],
    tables: list[int],
) -> Iterator[Page]:
    assert at % 4096 == 0
    tables.append(at)
    for index, entry in enumerate(struct.unpack("<512Q", read(at, 4096))):
        if not entry & 1:
            assert entry == 0, "what is not present says nothing"
            continue
        address = base + (index << 12 + 9 * (level - 1))
        target = entry & 0x000F_FFFF_FFFF_F000
        assert entry & ~(0x000F_FFFF_FFFF_F000 | 1 << 63 | 0xF7) == 0, "a strange bit"
        flags = (
            above[0] and bool(entry >> 1 & 1),
            above[1] and not entry >> 63,
            above[2] and bool(entry >> 2 & 1),
            above[3] and bool(entry >> 5 & 1),
        )
        large = bool(entry >> 7 & 1)
        if level > 1 and not large:
            assert entry >> 4 & 1 == 0
            yield from _table(read, target, level - 1, address, flags, tables)
            continue
        assert level == 1 or (level == 2 and large)
        assert level == 2 or not large, "that bit has another meaning in the last level"
        size = 4096 if level == 1 else 2 << 20
        assert target % size == 0
        for offset in range(0, size, 4096):
            yield Page(
                address + offset,
                target + offset,
                *flags[:3],
                uncached=bool(entry >> 4 & 1),
                accessed=flags[3],
                dirty=bool(entry >> 6 & 1),
            )


class LoadedImage:
    """What a loader makes of an ELF file: bytes at physical addresses."""

    def __init__(self, contents: bytes) -> None:
        assert contents[:4] == b"\x7fELF"
        table = struct.unpack_from("<Q", contents, 32)[0]
        count = struct.unpack_from("<H", contents, 56)[0]
        self.segments: list[tuple[int, bytes]] = []
        for index in range(count):
            kind, _, offset, _, start, filled, size, _ = struct.unpack_from(
                "<IIQQQQQQ", contents, table + index * 56
            )
            if kind == 1:
                whole = contents[offset : offset + filled] + bytes(size - filled)
                self.segments.append((start, whole))

    def read(self, address: int, size: int) -> bytes:
        for start, whole in self.segments:
            if start <= address and address + size <= start + len(whole):
                return whole[address - start :][:size]
        raise LookupError(f"{address:#x}")
