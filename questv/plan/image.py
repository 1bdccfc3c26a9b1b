"""The image: an ELF file that a PVH loader, such as ``qemu -kernel``, can start.

Besides what is loaded it carries the description, the plan, and the programs with their debug
information, so that tools need nothing but the image to look into a machine that runs it.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from questv.arch.x86.paging import PAGE_SIZE
from questv.arch.x86.pvh import ELF_NOTE_NAME, ELF_NOTE_PHYS32_ENTRY
from questv.diagnostics import BadInputError
from questv.plan.blocks import Block, Segment, segments
from questv.plan.model import Plan
from questv.plan.programs import Program
from questv.system.model import System

_HEADER = struct.Struct("<4sBBBBB7xHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_PT_LOAD, _PT_NOTE = 1, 4
_NOTE_ALIGN = 4
_SHT_PROGBITS, _SHT_STRTAB = 1, 3
_READ_WRITE_EXECUTE = 7

SYSTEM_SECTION = ".questv.system"
PLAN_SECTION = ".questv.plan"
PROGRAM_SECTION = ".questv.program."


def write_image(system: System, plan: Plan, blocks: list[Block], programs: list[Program]) -> bytes:
    """The image file's bytes; the same system, plan and programs give the same bytes."""
    entry = next(program for program in programs if program.name == "boot").symbols.address(
        "boot_entry"
    )
    extra = {
        SYSTEM_SECTION: system.model_dump_json(by_alias=True).encode(),
        PLAN_SECTION: plan.model_dump_json().encode(),
    }
    for program in programs:
        extra[PROGRAM_SECTION + program.name] = zlib.compress(program.elf, 1)
    return write_loadable(entry, segments(blocks), extra)


def write_loadable(entry: int, loads: list[Segment], extra: dict[str, bytes]) -> bytes:
    """A file that a PVH loader starts at ``entry``; it does not load the sections ``extra``."""
    note = _note(entry)
    out = bytearray(_HEADER.size + _PROGRAM_HEADER.size * (len(loads) + 1))
    note_offset = _append(out, note)
    headers = [(_PT_NOTE, note_offset, 0, len(note), len(note))]
    for load in loads:
        offset = _append(out, load.contents, align=PAGE_SIZE if load.contents else 1)
        headers.append((_PT_LOAD, offset, load.start, len(load.contents), load.size))
    for index, (kind, offset, address, size, whole) in enumerate(headers):
        _PROGRAM_HEADER.pack_into(
            out,
            _HEADER.size + index * _PROGRAM_HEADER.size,
            kind,
            _READ_WRITE_EXECUTE,
            offset,
            address,
            address,
            size,
            whole,
            PAGE_SIZE if kind == _PT_LOAD else _NOTE_ALIGN,
        )
    table, count = _append_sections(out, extra)
    _HEADER.pack_into(
        out, 0, b"\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, entry, _HEADER.size, table, 0, _HEADER.size,
        _PROGRAM_HEADER.size, len(headers), _SECTION_HEADER.size, count, count - 1,
    )  # fmt: skip
    return bytes(out)


def _append(out: bytearray, contents: bytes, *, align: int = 8) -> int:
    out.extend(bytes(-len(out) % align))
    offset = len(out)
    out.extend(contents)
    return offset


def _note(entry: int) -> bytes:
    # The address takes 8 bytes, and the segment's alignment must be 4: QEMU relies on both.
    return struct.pack("<III4sQ", 4, 8, ELF_NOTE_PHYS32_ENTRY, ELF_NOTE_NAME, entry)


def _append_sections(out: bytearray, sections: dict[str, bytes]) -> tuple[int, int]:
    """Append sections and their table, names last; the table's offset and length."""
    names = bytearray(b"\0")
    headers = [bytes(_SECTION_HEADER.size)]
    for name, contents in [*sections.items(), (".shstrtab", b"")]:
        at = len(names)
        names.extend(name.encode() + b"\0")
        last = name == ".shstrtab"
        offset = _append(out, bytes(names) if last else contents)
        headers.append(
            _SECTION_HEADER.pack(
                at,
                _SHT_STRTAB if last else _SHT_PROGBITS,
                0,
                0,
                offset,
                len(names) if last else len(contents),
                0,
                0,
                1,
                0,
            )
        )
    return _append(out, b"".join(headers)), len(headers)


# ---- reading one back ------------------------------------------------------------------------


class ImageError(BadInputError):
    """A file that is no image of this project."""


@dataclass(frozen=True)
class Image:
    """An image file, read."""

    path: Path
    system: System
    plan: Plan
    programs: dict[str, Program]

    @classmethod
    def read(cls, path: Path) -> Image:
        """Read the image at ``path``; raises ImageError."""
        try:
            contents = path.read_bytes()
            elf = ELFFile(io.BytesIO(contents))
            system = System.model_validate_json(_section(path, elf, SYSTEM_SECTION, "description"))
            plan = Plan.model_validate_json(_section(path, elf, PLAN_SECTION, "plan"))
            programs = {
                part.name.removeprefix(PROGRAM_SECTION): Program(
                    part.name.removeprefix(PROGRAM_SECTION), zlib.decompress(part.data())
                )
                for part in elf.iter_sections()
                if part.name.startswith(PROGRAM_SECTION)
            }
        except OSError as error:
            raise ImageError(f"can't read {path}: {error.strerror}", "name an image") from error
        except (ELFError, ValueError, OverflowError, zlib.error) as error:
            raise ImageError(
                f"{path} is no whole image of Quest-V", "build it again with 'questv build'"
            ) from error
        return cls(path, system, plan, programs)


def _section(path: Path, elf: ELFFile, name: str, what: str) -> bytes:
    section = elf.get_section_by_name(name)
    if section is None:
        raise ImageError(f"{path} carries no {what}", "build it with 'questv build'")
    data: bytes = section.data()
    return data


def image_hash(contents: bytes) -> str:
    """The hash by which an image is known."""
    return hashlib.sha256(contents).hexdigest()
