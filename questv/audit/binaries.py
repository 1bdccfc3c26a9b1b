"""The programs of an image: which of their bytes are code, constants and data."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from questv.audit.model import PAGE
from questv.diagnostics import BadInputError

_WRITE, _ALLOCATED, _EXECUTE = 1 << 0, 1 << 1, 1 << 2  # ELF-64, figure 4: section attributes


@dataclass(frozen=True)
class Section:
    """A stretch of a program with the rights that its ELF flags give it."""

    name: str
    address: int
    contents: bytes
    rights: str

    @property
    def size(self) -> int:
        """The bytes that it takes, in whole pages."""
        return -(-len(self.contents) // PAGE) * PAGE

    @property
    def end(self) -> int:
        """The first address after its pages."""
        return self.address + self.size


class Binary:
    """A linked program."""

    def __init__(self, name: str, elf: bytes) -> None:
        """Read it; raises BadInputError if it is no whole ELF file."""
        self.name = name
        try:
            file = ELFFile(io.BytesIO(elf))
            self.sections = [
                Section(
                    section.name,
                    section["sh_addr"],
                    _contents(section),
                    _rights(section["sh_flags"]),
                )
                for section in file.iter_sections()
                if section["sh_flags"] & _ALLOCATED and section["sh_size"]
            ]
            self._symbols = {
                symbol.name: symbol["st_value"]
                for section in file.iter_sections()
                if isinstance(section, SymbolTableSection)
                for symbol in section.iter_symbols()
            }
        except (ELFError, ValueError, KeyError, OverflowError) as error:
            raise _damaged(name) from error

    def address(self, symbol: str) -> int:
        """Where a symbol is; raises BadInputError if the program does not have it."""
        if symbol not in self._symbols:
            raise _damaged(self.name)
        address: int = self._symbols[symbol]
        return address

    def section_at(self, address: int) -> Section | None:
        """The section that holds an address."""
        for section in self.sections:
            if section.address <= address < section.end:
                return section
        return None


def _rights(flags: int) -> str:
    return "r" + "w" * bool(flags & _WRITE) + "x" * bool(flags & _EXECUTE)


_LARGEST = 1 << 30


def _contents(section: Any) -> bytes:
    if section["sh_size"] > _LARGEST:
        raise ValueError("no section is that large")
    if section["sh_type"] == "SHT_NOBITS":
        return bytes(section["sh_size"])
    contents: bytes = section.data()
    return contents


def _damaged(name: str) -> BadInputError:
    return BadInputError(
        f"the program '{name}' in the image is damaged", "build it again with 'questv build'"
    )
