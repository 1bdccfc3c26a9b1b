"""The memory that is audited: what a loader makes of an image, or a running machine's."""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from questv.diagnostics import BadInputError
from questv.machine.memory import GuestMemory

_LOAD, _NOTE = 1, 4
_PVH = struct.Struct("<III4sQ")
"""A note with the name Xen that holds an address; its type is that of a PVH entry, 18."""
_PVH_TYPE = 18
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_IDENTITY = b"\x7fELF\x02\x01"  # 64 bits, little-endian (ELF-64, table 2)

_LINUX_MAGIC, _LINUX_AT = b"HdrS", 0x202  # of Linux's boot protocol
_MULTIBOOT = {
    "Multiboot": (struct.pack("<I", 0x1BAD_B002), 8 << 10),
    "Multiboot 2": (struct.pack("<I", 0xE852_50D6), 32 << 10),
}
"""The magic words of headers by which other loaders enter an image, and within how many bytes from
the file's start they look for it, at multiples of four or eight."""


class NoMemoryError(Exception):
    """There is no memory, or nothing is known of it; says so in words."""


class Memory(Protocol):
    """Physical memory."""

    def read(self, address: int, length: int) -> bytes:
        """A copy of ``length`` bytes; raises NoMemoryError if not all of them are there."""
        ...


class ImageMemory:
    """What a loader puts into memory: the segments of an ELF file, zeros at their ends included.

    Of all other memory nothing is known.
    """

    def __init__(self, contents: bytes) -> None:
        """Load the image; raises BadInputError if its segments are damaged."""
        try:
            self._segments = _segments(contents)
        except (struct.error, ValueError, OverflowError) as error:
            raise BadInputError(
                "the image's segments are damaged", "build it again with 'questv build'"
            ) from error
        self._starts = [segment.start for segment in self._segments]

    def read(self, address: int, length: int) -> bytes:
        """What was loaded there."""
        found = b""
        while len(found) < length:
            piece = self._piece(address + len(found), length - len(found))
            if not piece:
                raise NoMemoryError("the image puts nothing there")
            found += piece
        return found

    def _piece(self, address: int, length: int) -> bytes:
        """At most ``length`` bytes, as many as the segment has; none if no segment is there."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return b""
        segment = self._segments[index]
        at = address - segment.start
        length = min(length, segment.size - at)
        return segment.contents[at : at + length].ljust(length, b"\0") if length > 0 else b""


@dataclass(frozen=True)
class _Segment:
    """``size`` bytes at physical address ``start``: the contents, then zeros."""

    start: int
    contents: bytes
    size: int


def _headers(contents: bytes) -> list[tuple[int, ...]]:
    """The program headers of an ELF file; raises ValueError or struct.error if it has none.

    QEMU reads them by the file's class, and does not look at the size that the file says they have.
    """
    table = struct.unpack_from("<Q", contents, 32)[0]
    size, count = struct.unpack_from("<HH", contents, 54)
    if contents[: len(_IDENTITY)] != _IDENTITY or size != _PROGRAM_HEADER.size:
        raise ValueError("a loader could read other headers")
    return [_PROGRAM_HEADER.unpack_from(contents, table + index * size) for index in range(count)]


def _segments(contents: bytes) -> list[_Segment]:
    """The segments of an ELF file; raises ValueError or struct.error if they are not all there."""
    found: list[_Segment] = []
    for kind, _, offset, _, start, filled, size, _ in _headers(contents):
        if kind == _LOAD:
            if offset + filled > len(contents) or filled > size:
                raise ValueError("a segment is not all there")
            found.append(_Segment(start, contents[offset : offset + filled], size))
    found.sort(key=lambda segment: segment.start)
    if any(one.start + one.size > other.start for one, other in pairwise(found)):
        raise ValueError("two segments are at one place")
    return found


def entry_points(image: bytes) -> list[int]:
    """Where loaders enter the image: what its header says, and its PVH notes.

    ``ImageMemory`` has found its segments to be whole.
    """
    found = [struct.unpack_from("<Q", image, 24)[0]]
    for kind, _, offset, _, _, filled, _, _ in _headers(image):
        if kind != _NOTE:
            continue
        note = image[offset : offset + filled]
        fields = _PVH.unpack(note) if len(note) == _PVH.size else (0, 0, 0, b"", 0)
        # A note that is anything else might be an entry to a loader that knows more.
        found.append(fields[4] if fields[:4] == (4, 8, _PVH_TYPE, b"Xen\0") else 0)
    return found


def other_protocols(image: bytes) -> list[str]:
    """By which protocols but PVH a loader would enter the image, wherever that leads it.

    QEMU looks for these first, anywhere in the beginning of the file.
    """
    found = [
        name
        for name, (magic, within) in _MULTIBOOT.items()
        if any(image.startswith(magic, at) for at in range(0, within, 4))
    ]
    if image.startswith(_LINUX_MAGIC, _LINUX_AT):
        found.append("Linux's boot protocol")
    return found


class LiveMemory:
    """A running machine's memory, as it is at the moment of each look."""

    def __init__(self, memory: GuestMemory) -> None:
        """Look at ``memory``."""
        self._memory = memory

    def read(self, address: int, length: int) -> bytes:
        """What is there now."""
        banks = self._memory.layout.banks
        if not any(bank.start <= address and address + length <= bank.end for bank in banks):
            raise NoMemoryError("the machine has no memory there")
        return self._memory.read(address, length)
