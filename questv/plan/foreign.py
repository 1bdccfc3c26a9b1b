"""Foreign kernels: what their files put into memory, and how they begin."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment

from questv.arch.x86.paging import PAGE_SIZE
from questv.arch.x86.pvh import ELF_NOTE_NAME, ELF_NOTE_PHYS32_ENTRY
from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.metal.link import LinkError, find_linker
from questv.metal.symbols import Symbols
from questv.plan.addresses import page_up
from questv.system.description import Description
from questv.system.model import Kernel
from questv.system.units import format_size

# What reading a broken ELF file can raise.
_BROKEN = (
    *(ELFError, ConstructError, ValueError, LookupError, TypeError, AttributeError),
    *(AssertionError, OverflowError, struct.error),
)

Mode = Literal["64-bit", "32-bit"]
Format = Literal["ELF", "ELF with a PVH entry", "flat binary", "Linux boot image"]

SOURCE_ADDRESS = 1 << 20
"""Where assembly source is linked if the description does not say."""

LINUX_PARAMETERS = 2 * PAGE_SIZE
"""Bytes of what Linux's boot protocol tells a kernel."""

PARTS_LIMIT = 16
"""Segments that a kernel can have: the boot checks each, and its plan has room for so many."""

_HIGHEST_32_BIT = 0xFFFF_FFFF
_LINUX_ENTRY = 0x200  # of 64-bit code, after where the image lies (Documentation/x86/boot.rst)
_LINUX_64_BIT = 1 << 0  # in xloadflags
_LINUX_SECTOR = 512
_LINUX_HEADER = 0x1F1
_LINUX_HEADER_END = 0x264  # of the fields that are read here


@dataclass(frozen=True)
class Loaded:
    """Bytes in a kernel's memory at ``address``, then zeros up to ``size``."""

    address: int
    contents: bytes
    size: int


@dataclass(frozen=True)
class ForeignKernel:
    """A foreign kernel. All addresses are those of its own memory.

    ``elf`` is its file if that has symbols. ``linux_header`` is what Linux's boot protocol has it
    told again in its boot parameters.
    """

    format: Format
    mode: Mode
    entry: int
    parts: tuple[Loaded, ...]
    command_line: str
    elf: bytes | None = None
    linux_header: bytes | None = None


class _RefusedError(Exception):
    """A kernel that can't be used: the key of the description at fault, what is wrong, the fix."""

    def __init__(self, rule: str, message: str, fix: str, key: str = "file") -> None:
        self.rule, self.message, self.fix, self.key = rule, message, fix, key
        super().__init__(message)


def read_kernel(description: Description, index: int) -> ForeignKernel:
    """The foreign kernel of sandbox number ``index``; raises DiagnosticsError."""
    sandbox = description.system.sandboxes[index]
    kernel = sandbox.kernel
    assert kernel is not None
    document = description.document
    try:
        found = _read(document.file.parent / kernel.file, kernel)
        _check_memory(found, sandbox.memory)
    except _RefusedError as error:
        place = document.value("sandbox", index, "kernel", error.key)
        finding = Diagnostic(place, f"{kernel.file} {error.message}", error.fix, error.rule)
        raise DiagnosticsError([finding]) from error
    return found


def _read(file: Path, kernel: Kernel) -> ForeignKernel:
    if file.suffix == ".s":
        load = SOURCE_ADDRESS if kernel.load is None else kernel.load
        return _read_elf(_assemble(file, load), kernel.command_line)
    try:
        contents = file.read_bytes()
    except OSError as error:
        raise _RefusedError(
            "kernel-unreadable", f"can't be read: {error.strerror}", "make it a file to read"
        ) from error
    is_elf = contents[:4] == b"\x7fELF"
    if kernel.load is not None:
        if is_elf:
            raise _RefusedError(
                "kernel-elf-loaded",
                "is an ELF file, which says itself where it is loaded",
                'remove "load", or make a flat binary of it: objcopy -O binary',
                "load",
            )
        entry = kernel.load if kernel.entry is None else kernel.entry
        part = Loaded(kernel.load, contents, len(contents))
        return ForeignKernel("flat binary", "64-bit", entry, (part,), kernel.command_line)
    if contents[0x202:0x206] == b"HdrS" and contents[0x1FE:0x200] == b"\x55\xaa":
        return _read_linux(contents, kernel.command_line)
    return _read_elf(contents, kernel.command_line)


def _check_memory(found: ForeignKernel, memory: int) -> None:
    if len(found.parts) > PARTS_LIMIT:
        raise _RefusedError(
            "kernel-segments",
            f"has {len(found.parts)} segments to be loaded; {PARTS_LIMIT} are possible",
            "link it into fewer",
        )
    for first, second in pairwise(sorted(found.parts, key=lambda part: part.address)):
        if second.address < first.address + first.size:
            raise _RefusedError(
                "kernel-segments",
                f"has segments at {first.address:#x} and {second.address:#x} that overlap",
                "link it anew, each of them to a place of its own",
            )
    for part in found.parts:
        if part.address + part.size > memory:
            raise _RefusedError(
                "kernel-outside-memory",
                f"takes {part.address:#x} to {part.address + part.size:#x} of its memory, which "
                f"ends at {memory:#x} ({format_size(memory)})",
                "give the sandbox more memory, or link the kernel lower",
            )
    inside = any(part.address <= found.entry < part.address + part.size for part in found.parts)
    if not inside:
        raise _RefusedError(
            "kernel-entry-outside",
            f"is entered at {found.entry:#x}, where nothing of it lies",
            "link it anew, with an entry that is in it"
            if found.format != "flat binary"
            else 'name an address in it as "entry"',
            "entry" if found.format == "flat binary" else "file",
        )


def whole_pages(parts: tuple[Loaded, ...]) -> list[Loaded]:
    """What ``parts``, which do not overlap, fill, in whole pages; neighbours are joined."""
    made: list[tuple[int, bytearray, int]] = []
    for part in sorted(parts, key=lambda part: part.address):
        start = part.address // PAGE_SIZE * PAGE_SIZE
        end = page_up(part.address + part.size)
        contents, last = bytearray(), 0
        if made and start <= made[-1][2]:
            start, contents, last = made.pop()
        contents.extend(bytes(part.address - start - len(contents)) + part.contents)
        made.append((start, contents, max(end, last)))
    return [Loaded(start, bytes(contents), end - start) for start, contents, end in made]


# ---- ELF files -------------------------------------------------------------------------------


def _read_elf(contents: bytes, command_line: str) -> ForeignKernel:
    try:
        elf = ELFFile(io.BytesIO(contents))
        if (elf.elfclass, elf["e_machine"], elf["e_type"]) != (64, "EM_X86_64", "ET_EXEC"):
            raise ELFError("another kind")
        parts = tuple(_segments(elf))
        entries = list(_pvh_entries(elf))
        symbols = contents if Symbols(contents).by_name else None
        entry = elf["e_entry"]
    except _BROKEN as error:
        raise _RefusedError(
            "kernel-not-elf",
            "is no ELF file of a kernel: 64-bit, for x86-64, linked to run where it lies",
            'name such a file, or a flat binary with "load"',
        ) from error
    if not parts:
        raise _RefusedError("kernel-empty", "has nothing to be loaded", "link it anew")
    if entries:
        entry = entries[0]
        return ForeignKernel("ELF with a PVH entry", "32-bit", entry, parts, command_line, symbols)
    entry = _physical(elf, entry)
    return ForeignKernel("ELF", "64-bit", entry, parts, command_line, symbols)


def _segments(elf: ELFFile) -> Iterator[Loaded]:
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_LOAD" and segment["p_memsz"]:
            contents = segment.data()
            if len(contents) != segment["p_filesz"] or len(contents) > segment["p_memsz"]:
                raise ValueError("a segment ends after the file")
            yield Loaded(segment["p_paddr"], contents, segment["p_memsz"])


def _physical(elf: ELFFile, address: int) -> int:
    """Where the code at an address lies in memory: the entry may be named by its virtual one."""
    for segment in elf.iter_segments():
        offset = address - segment["p_vaddr"]
        if segment["p_type"] == "PT_LOAD" and 0 <= offset < segment["p_memsz"]:
            return int(segment["p_paddr"] + offset)
    return address


def _pvh_entries(elf: ELFFile) -> Iterator[int]:
    """The entries that notes name for PVH (Xen's public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY)."""
    owner = ELF_NOTE_NAME.rstrip(b"\0").decode()
    for segment in elf.iter_segments():
        if not isinstance(segment, NoteSegment):
            continue
        for note in segment.iter_notes():
            kind: object = note["n_type"]  # a number, or a name where it has one
            if note["n_name"] != owner or kind != ELF_NOTE_PHYS32_ENTRY:
                continue
            value = int.from_bytes(note["n_descdata"], "little")
            if note["n_descsz"] not in (4, 8) or value > _HIGHEST_32_BIT:
                raise _RefusedError(
                    "kernel-note",
                    f"has a PVH note of {note['n_descsz']} bytes, which names {value:#x}",
                    "link a note of owner Xen and type 18 with a 32-bit entry address into it",
                )
            yield value


# ---- Linux boot images -----------------------------------------------------------------------


def _read_linux(contents: bytes, command_line: str) -> ForeignKernel:
    """A bzImage, or another kernel in its form, by its 64-bit entry (Linux, x86/boot.rst)."""
    if len(contents) < _LINUX_HEADER_END:
        raise _cut_short()
    end = 0x202 + contents[0x201]
    header = contents[_LINUX_HEADER:end]
    (version,) = struct.unpack_from("<H", contents, 0x206)
    (flags,) = struct.unpack_from("<H", contents, 0x236)
    if version < 0x020C or not flags & _LINUX_64_BIT:
        raise _RefusedError(
            "kernel-linux-old",
            f"is a Linux boot image of protocol {version >> 8}.{version & 0xFF} without an entry "
            "of 64 bits",
            "take one of protocol 2.12 or later for x86-64",
        )
    sectors = contents[_LINUX_HEADER] or 4
    image = contents[(sectors + 1) * _LINUX_SECTOR :]
    (paragraphs,) = struct.unpack_from("<I", contents, 0x1F4)  # of 16 bytes, the last begun
    if not image or len(image) <= 16 * (paragraphs - 1):
        raise _cut_short()
    address, needed = struct.unpack_from("<QI", contents, 0x258)
    part = Loaded(address, image, max(needed, len(image)))
    entry = address + _LINUX_ENTRY
    return ForeignKernel(
        "Linux boot image", "64-bit", entry, (part,), command_line, linux_header=header
    )


def _cut_short() -> _RefusedError:
    return _RefusedError(
        "kernel-linux-short", "is a Linux boot image that is cut short", "copy it again, whole"
    )


def linux_parameters(header: bytes, address: int, command_line: str, memory: list[range]) -> bytes:
    """What a kernel with this ``header`` is told at ``address``: Linux's struct boot_params.

    The command line follows on the next page: such kernels write to theirs.
    """
    made = bytearray(LINUX_PARAMETERS)
    made[_LINUX_HEADER : _LINUX_HEADER + len(header)] = header
    made[0x06], made[0x07], made[0x0E], made[0x0F] = 3, 80, 25, 1  # a text screen of 80 by 25
    struct.pack_into("<H", made, 0x10, 16)  # its font's height
    made[0x1E8] = len(memory)
    made[0x210] = 0xFF  # a boot loader of no known kind
    struct.pack_into("<I", made, 0x228, address + PAGE_SIZE)
    text = command_line.encode()
    made[PAGE_SIZE : PAGE_SIZE + len(text)] = text
    for index, each in enumerate(memory):
        struct.pack_into("<QQI", made, 0x2D0 + 20 * index, each.start, len(each), 1)
    return bytes(made)


# ---- assembly source -------------------------------------------------------------------------


_SCRIPT = """
ENTRY(_start)
SECTIONS {{
    . = {address:#x};
    .text : {{ *(.text .text.*) }}
    .rodata : {{ *(.rodata .rodata.*) }}
    .note : {{ *(.note.*) }}
    .data : {{ *(.data .data.*) }}
    .bss : {{ *(.bss .bss.*) }}
}}
"""


def _assemble(file: Path, address: int) -> bytes:
    """Assemble and link ``file``; raises DiagnosticsError with what the assembler says."""
    linker = find_linker()
    assembler = shutil.which(linker.removesuffix("ld") + "as")
    if assembler is None:
        raise LinkError(
            "the assembler 'as' is not installed", "install it: apt-get install binutils"
        )
    with tempfile.TemporaryDirectory(prefix="questv-assemble-") as name:
        folder = Path(name)
        (folder / "script.ld").write_text(_SCRIPT.format(address=address))
        _tool([assembler, "--64", "-o", f"{folder}/kernel.o", str(file)], file)
        options = ["-m", "elf_x86_64", "-static", "-nostdlib", "-N", "--no-warn-rwx-segments"]
        options += ["-z", "noexecstack", "--build-id=none", "-T", f"{folder}/script.ld"]
        _tool([linker, *options, "-o", f"{folder}/out.elf", f"{folder}/kernel.o"], file)
        return (folder / "out.elf").read_bytes()


def _tool(command: list[str], file: Path) -> None:
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode == 0 and "cannot find entry symbol" not in run.stderr:
        return
    findings = []
    for line in run.stderr.splitlines():
        where, _, message = line.partition(": Error: ")
        if message:
            number = where.rpartition(":")[2]
            place = Place(file, int(number) if number.isdigit() else 0)
            findings.append(Diagnostic(place, message, "correct it", "kernel-assembly"))
    if not findings:
        said = " ".join(run.stderr.split()) or f"{command[0]} failed"
        findings = [Diagnostic(Place(file), said, "correct it", "kernel-assembly")]
    raise DiagnosticsError(findings)
