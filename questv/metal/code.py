"""What compiled code takes from the stack and calls, read from the machine code of one object."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from questv.metal.cache import Cache, key_of


@dataclass(frozen=True)
class Code:
    """An object's functions by symbol; those that were copied into their callers are not in it."""

    frames: Mapping[str, int]
    """The bytes that each function's prologue takes from the stack."""
    calls: Mapping[str, frozenset[str]]
    """Every symbol that a function's code calls or jumps to."""


def code_of(contents: bytes) -> Code:
    """What the object file ``contents`` holds, from the cache if it was ever read before."""
    cache = Cache("code")
    key = key_of(_own_source(), contents)
    stored = cache.get(key)
    if stored is None:
        code = _read(contents)
        calls = {caller: sorted(called) for caller, called in code.calls.items()}
        cache.put(key, json.dumps([dict(code.frames), calls]).encode())
        return code
    frames, calls = json.loads(stored)
    return Code(frames, {caller: frozenset(called) for caller, called in calls.items()})


@functools.cache
def _own_source() -> bytes:
    return Path(__file__).read_bytes()


def _read(contents: bytes) -> Code:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.enums import ENUM_RELOC_TYPE_x64
    from elftools.elf.relocation import RelocationSection
    from elftools.elf.sections import SymbolTableSection

    sections = list(ELFFile(io.BytesIO(contents)).iter_sections())
    table = next(part for part in sections if isinstance(part, SymbolTableSection))
    frames: dict[str, int] = {}
    places: list[tuple[int, int, int, str]] = []  # section, start, end, function
    for entry in table.iter_symbols():
        section, start = entry["st_shndx"], entry["st_value"]
        if entry["st_info"]["type"] == "STT_FUNC" and isinstance(section, int):
            end = start + entry["st_size"]
            places.append((section, start, end, entry.name))
            frames[entry.name] = frame_size(sections[section].data()[start:end])

    def function_at(section: int, offset: int) -> str:
        """The function that a place in a section belongs to; empty if it belongs to none."""
        return next(
            (
                name
                for where, start, end, name in places
                if where == section and start <= offset < end
            ),
            "",
        )

    calls: dict[str, set[str]] = {}
    for section in sections:
        if isinstance(section, RelocationSection):
            for relocation in section.iter_relocations():
                if relocation["r_info_type"] != ENUM_RELOC_TYPE_x64["R_X86_64_PLT32"]:
                    continue  # an address taken, not a call or jump
                caller = function_at(section["sh_info"], relocation["r_offset"])
                target = table.get_symbol(relocation["r_info_sym"])
                called = target.name
                if not called:  # a place in a section; the field ends where the code goes on
                    place = relocation["r_addend"] + 4
                    called = function_at(target["st_shndx"], place) or f"+{place:#x}"
                calls.setdefault(caller, set()).add(called)
    return Code(frames, {caller: frozenset(called) for caller, called in calls.items()})


def frame_size(code: bytes) -> int:
    """The bytes that a prologue pushes and reserves.

    Prologues are a run of ``push``, ``mov rbp, rsp``, ``sub rsp`` and ``and rsp``, in this order
    as LLVM makes them when frame pointers are kept and shrink-wrapping is off.
    """
    position = size = 0
    while position < len(code):
        rest = code[position:]
        if 0x50 <= rest[0] <= 0x57:
            position, size = position + 1, size + 8
        elif rest[0] == 0x41 and len(rest) > 1 and 0x50 <= rest[1] <= 0x57:
            position, size = position + 2, size + 8
        elif rest[:3] == b"\x48\x89\xe5":
            position += 3
        elif rest[:3] == b"\x48\x83\xec":
            return size + rest[3] + _alignment(code[position + 4 :])
        elif rest[:3] == b"\x48\x81\xec":
            reserved = int.from_bytes(rest[3:7], "little")
            return size + reserved + _alignment(code[position + 7 :])
        elif rest[:3] == b"\x48\x83\xe4":
            position, size = position + 4, size + 256 - rest[3]
        else:
            return size
    return size


def _alignment(code: bytes) -> int:
    """What an ``and rsp, -n`` right after can take besides."""
    return 256 - code[3] if code[:3] == b"\x48\x83\xe4" else 0
