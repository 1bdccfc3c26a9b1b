"""From addresses to names: functions, source lines and inlined calls of a linked program."""

from __future__ import annotations

import bisect
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection


@dataclass(frozen=True)
class Frame:
    """A function's name with the source position reached in it; line 0 if that is unknown."""

    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.function} ({self.file}:{self.line})" if self.line else self.function


@dataclass(frozen=True)
class Symbol:
    """A named stretch of a program."""

    name: str
    address: int
    size: int
    is_function: bool


class Symbols:
    """The symbol table and debug information of a linked ELF file."""

    def __init__(self, elf: bytes) -> None:
        """Read the symbol table; debug information is read when it is first asked for."""
        self._elf = ELFFile(io.BytesIO(elf))
        self.by_name: dict[str, Symbol] = {}
        for section in self._elf.iter_sections():
            if isinstance(section, SymbolTableSection):
                for entry in section.iter_symbols():
                    if entry.name and entry["st_shndx"] != "SHN_UNDEF":
                        self.by_name[entry.name] = Symbol(
                            entry.name,
                            entry["st_value"],
                            entry["st_size"],
                            entry["st_info"]["type"] == "STT_FUNC",
                        )
        functions = [symbol for symbol in self.by_name.values() if symbol.is_function]
        self._functions = sorted(functions, key=lambda symbol: symbol.address)
        self._starts = [symbol.address for symbol in self._functions]
        self._ends = [section["sh_addr"] + section["sh_size"] for section in self._code()]

    def address(self, name: str) -> int:
        """The address of a symbol; raises KeyError."""
        return self.by_name[name].address

    def function_at(self, address: int) -> Symbol | None:
        """The function whose code holds ``address``."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        found = self._functions[index]
        # Assembly may say nothing of sizes: then a function ends with its section at the latest.
        end = found.address + found.size
        if found.size == 0:
            end = min((end for end in self._ends if end > found.address), default=end + 1)
        return found if address < end else None

    def _code(self) -> Iterator[Any]:
        """The sections with code."""
        for section in self._elf.iter_sections():
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR:
                yield section

    def frames(self, address: int) -> list[Frame]:
        """The calls that ``address`` lies in, the innermost inlined one first."""
        function = self.function_at(address)
        if function is None:
            return []
        file, line = self._line(address)
        chain = self._inlined(address) if line else []  # assembly has no line, and no such entry
        if not chain:
            return [Frame(function.name, file, line)]
        frames = []
        for name, call_file, call_line in reversed(chain):
            frames.append(Frame(name, file, line))
            file, line = call_file, call_line
        return frames

    # ---- DWARF -------------------------------------------------------------------------------

    @cached_property
    def _dwarf(self) -> Any:
        return self._elf.get_dwarf_info() if self._elf.has_dwarf_info() else None

    @cached_property
    def _lines(self) -> list[tuple[int, int, str, int]]:
        """Stretches (start, end, file, line), by start."""
        rows: list[tuple[int, int, str, int]] = []
        for unit in self._dwarf.iter_CUs() if self._dwarf else ():
            program = self._dwarf.line_program_for_CU(unit)
            names = _file_names(program)
            previous = None
            for entry in program.get_entries():
                state = entry.state
                if state is None:
                    continue
                if previous is not None and state.address > previous.address:
                    file = names.get(previous.file, "?")
                    rows.append((previous.address, state.address, file, previous.line))
                previous = None if state.end_sequence else state
        return sorted(rows)

    def _line(self, address: int) -> tuple[str, int]:
        index = bisect.bisect_right(self._lines, (address, 1 << 64, "", 0)) - 1
        if index >= 0:
            start, end, file, line = self._lines[index]
            if start <= address < end:
                return file, line
        return "?", 0

    def _inlined(self, address: int) -> list[tuple[str, str, int]]:
        """(name, file and line of the call) from the outermost function inwards."""
        for unit in self._dwarf.iter_CUs() if self._dwarf else ():
            for entry in unit.iter_DIEs():
                if entry.tag == "DW_TAG_subprogram" and self._holds(unit, entry, address):
                    names = _file_names(self._dwarf.line_program_for_CU(unit))
                    return list(self._chain(unit, entry, address, names))
        return []

    def _chain(
        self, unit: Any, entry: Any, address: int, names: dict[int, str]
    ) -> Iterator[tuple[str, str, int]]:
        yield _name(entry), "", 0
        while True:
            for child in _scopes(entry):
                if self._holds(unit, child, address):
                    call_file = child.attributes.get("DW_AT_call_file")
                    call_line = child.attributes.get("DW_AT_call_line")
                    yield (
                        _name(child),
                        names.get(call_file.value, "?") if call_file else "?",
                        call_line.value if call_line else 0,
                    )
                    entry = child
                    break
            else:
                return

    def _holds(self, unit: Any, entry: Any, address: int) -> bool:
        attributes = entry.attributes
        if "DW_AT_ranges" in attributes:
            lists = self._dwarf.range_lists()
            base = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
            start = base.value if base else 0
            ranges = lists.get_range_list_at_offset(attributes["DW_AT_ranges"].value, unit)
            for part in ranges:
                if hasattr(part, "base_address"):
                    start = part.base_address
                    continue
                offset = 0 if getattr(part, "is_absolute", True) else start
                if part.begin_offset + offset <= address < part.end_offset + offset:
                    return True
            return False
        if "DW_AT_low_pc" not in attributes or "DW_AT_high_pc" not in attributes:
            return False
        low = attributes["DW_AT_low_pc"].value
        high = attributes["DW_AT_high_pc"]
        end = high.value if high.form == "DW_FORM_addr" else low + high.value
        return bool(low <= address < end)


def _scopes(entry: Any) -> Iterator[Any]:
    """The inlined calls below an entry, also inside lexical blocks."""
    for child in entry.iter_children():
        if child.tag == "DW_TAG_inlined_subroutine":
            yield child
        elif child.tag == "DW_TAG_lexical_block":
            yield from _scopes(child)


def _name(entry: Any) -> str:
    origin = entry
    while "DW_AT_name" not in origin.attributes:
        key = next(
            (
                key
                for key in ("DW_AT_abstract_origin", "DW_AT_specification")
                if key in origin.attributes
            ),
            None,
        )
        if key is None:
            return "?"
        origin = origin.get_DIE_from_attribute(key)
    return str(origin.attributes["DW_AT_name"].value.decode())


def _file_names(program: Any) -> dict[int, str]:
    header = program.header
    directories = [part.decode() for part in header.get("include_directory", [])]
    base = 0 if header.version >= 5 else 1
    names = {}
    for index, file in enumerate(header["file_entry"]):
        directory = file.get("dir_index", 0) - (0 if header.version >= 5 else 1)
        folder = directories[directory] if 0 <= directory < len(directories) else ""
        name = file.name.decode()
        names[index + base] = f"{folder}/{name}" if folder not in ("", ".") else name
    return names
