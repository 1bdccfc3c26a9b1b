"""What must be known of an image before QEMU gets it: where it will lie in memory.

QEMU's own words on an image it can't boot name no cure, and what of an image lies outside memory it
drops in silence.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from questv.machine.errors import MachineError
from questv.machine.memory import MemoryLayout

ELF_CLASS_64 = 2
ELF_LITTLE_ENDIAN = 1
ELF_MACHINE_X86_64 = 62
PT_LOAD = 1
PT_NOTE = 4
XEN_ELFNOTE_PHYS32_ENTRY = 18

_ELF_HEADER = struct.Struct("<4sBB10xHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_NOTE_HEADER = struct.Struct("<III")


@dataclass(frozen=True)
class Extent:
    """Guest-physical memory [start, end) and what it is for, in words."""

    start: int
    end: int
    what: str


def image_extents(image: Path) -> tuple[Extent, ...]:
    """The memory that the segments of ``image`` will take, in the order of the file.

    Raises MachineError unless it is a whole x86-64 ELF file with a PVH note.
    """
    try:
        data = image.read_bytes()
    except OSError as error:
        raise MachineError(
            f"can't read the image {image}: {error.strerror}", "build the image first"
        ) from error
    try:
        headers = list(_program_headers(data))
        has_entry = any(
            XEN_ELFNOTE_PHYS32_ENTRY in _xen_notes(data[header.offset :][: header.file_size])
            for header in headers
            if header.kind == PT_NOTE
        )
    except (struct.error, ValueError, OverflowError) as error:
        raise MachineError(
            f"{image} is not a whole 64-bit ELF file for x86-64", "build the image again"
        ) from error
    if not has_entry:
        raise MachineError(
            f"{image} has no PVH entry point",
            "link a note of owner Xen and type 18 with the 32-bit entry address into it",
        )
    return tuple(
        Extent(header.address, header.address + header.memory_size, f"the image {image.name}")
        for header in headers
        if header.kind == PT_LOAD and header.memory_size
    )


def check_extents(extents: tuple[Extent, ...], layout: MemoryLayout) -> None:
    """Raise MachineError unless all ``extents`` are in memory and none meets another.

    What is below 1 MiB belongs to the firmware until the guest starts.
    """
    for extent in extents:
        if not any(bank.start <= extent.start and extent.end <= bank.end for bank in layout.free):
            banks = ", ".join(f"{bank.start:#x}..{bank.end:#x}" for bank in layout.free)
            raise MachineError(
                f"{_text(extent)} does not fit into the machine's memory, {banks}",
                "give the machine more memory"
                if extent.start >= layout.free[-1].start
                else "place it inside one of these",
            )
    ordered = sorted(extents, key=lambda extent: extent.start)
    for first, second in itertools.pairwise(ordered):
        if second.start < first.end:
            raise MachineError(
                f"{_text(second)} overlaps {_text(first)}", "give each an address of its own"
            )


def _text(extent: Extent) -> str:
    return f"{extent.what} at {extent.start:#x}..{extent.end:#x}"


@dataclass(frozen=True)
class _ProgramHeader:
    kind: int
    offset: int
    address: int
    file_size: int
    memory_size: int


def _program_headers(data: bytes) -> Iterator[_ProgramHeader]:
    (magic, elf_class, order, _, machine, _, _, table, *_) = header = _ELF_HEADER.unpack_from(data)
    if (magic, elf_class, order, machine) != (
        b"\x7fELF",
        ELF_CLASS_64,
        ELF_LITTLE_ENDIAN,
        ELF_MACHINE_X86_64,
    ):
        raise ValueError("another kind of file")
    entry_size, count = header[11], header[12]
    for index in range(count):
        kind, _, offset, _, address, file_size, memory_size, _ = _PROGRAM_HEADER.unpack_from(
            data, table + index * entry_size
        )
        if offset + file_size > len(data):
            raise ValueError("a segment ends after the file")
        yield _ProgramHeader(kind, offset, address, file_size, memory_size)


def _xen_notes(notes: bytes) -> Iterator[int]:
    """The types of the notes that Xen owns; each part of a note is padded to four bytes."""
    position = 0
    while position < len(notes):
        name_size, value_size, kind = _NOTE_HEADER.unpack_from(notes, position)
        position += _NOTE_HEADER.size
        if notes[position : position + name_size] == b"Xen\0":
            yield kind
        position += (name_size + 3) // 4 * 4 + (value_size + 3) // 4 * 4
