"""The worst stack depth of a program's entry points.

Frames are read from the compiled code itself: every function starts by saving registers and
reserving its frame, and frame pointers are always kept. Calls are read from the same facts that
the checker collected, calls through pointers going to every function of that type whose address
is taken. Recursion has no bound and is an error.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_RELOC_TYPE_x64
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.metal.source import shown
from questv.metal.units import Unit

RETURN_ADDRESS = 8


class StackError(Exception):
    """A stack depth that can't be told; the message says why."""


@dataclass(frozen=True)
class _Node:
    """One function: its frame in bytes, its return address included, and what it calls."""

    name: str
    place: Place
    frame: int
    calls: tuple[str, ...]
    pointer_calls: tuple[str, ...]


class StackDepths:
    """Worst depths for one program's units."""

    def __init__(self, units: Iterable[Unit], addresses: Mapping[str, str] | None = None) -> None:
        """Read frames and calls; ``addresses`` adds functions, by symbol, whose address others
        take, with their types.

        Raises DiagnosticsError if functions call themselves.
        """
        self._nodes: dict[str, _Node] = {}
        self._targets: dict[str, set[str]] = {}
        for symbol, type_ in (addresses or {}).items():
            self._targets.setdefault(type_, set()).add(symbol)
        for unit in units:
            for symbol, type_ in unit.addresses:
                self._targets.setdefault(type_, set()).add(symbol)
            self._read(unit)
        self._depths: dict[str, int] = {}
        self._refuse_recursion()

    def depth(self, symbol: str) -> int:
        """The most stack, in bytes, that a call of ``symbol`` uses, its return address included.

        Raises StackError for an unknown function.
        """
        if symbol not in self._nodes:
            raise StackError(f"no function has the symbol '{symbol}'")
        if symbol not in self._depths:
            deepest = max((self.depth(callee) for callee in self._callees(symbol)), default=0)
            self._depths[symbol] = self._nodes[symbol].frame + deepest
        return self._depths[symbol]

    def path(self, symbol: str) -> list[tuple[str, int]]:
        """The calls that make up the worst depth: (function, its own frame in bytes)."""
        found = [(self._nodes[symbol].name, self._nodes[symbol].frame)]
        callees = self._callees(symbol)
        if callees:
            found += self.path(max(callees, key=self.depth))
        return found

    def _callees(self, symbol: str) -> list[str]:
        node = self._nodes[symbol]
        called = [callee for callee in node.calls if callee in self._nodes]
        for type_ in node.pointer_calls:
            called += sorted(self._targets.get(type_, ()))
        return called

    def _read(self, unit: Unit) -> None:
        code = _Code(unit.object)
        for facts in unit.functions:
            frame = facts.stack
            calls = set(facts.calls) | code.references(facts.symbol)
            self._nodes[facts.symbol] = _Node(
                facts.name,
                Place(shown(unit.file), facts.line),
                RETURN_ADDRESS + (code.frame(facts.symbol) if frame is None else frame),
                tuple(sorted(calls)),
                facts.pointer_calls,
            )

    def _refuse_recursion(self) -> None:
        done: set[str] = set()
        diagnostics = []
        for start in sorted(self._nodes):
            path: list[str] = []
            cycle = self._find_cycle(start, path, done)
            if cycle:
                nodes = [self._nodes[symbol] for symbol in cycle]
                names = " -> ".join([*(node.name for node in nodes), nodes[0].name])
                diagnostics.append(
                    Diagnostic(
                        nodes[0].place,
                        f"functions call themselves: {names}",
                        "use a loop: recursion has no bound on its stack",
                        "recursion",
                    )
                )
        if diagnostics:
            raise DiagnosticsError(diagnostics)

    def _find_cycle(self, symbol: str, path: list[str], done: set[str]) -> list[str] | None:
        if symbol in path:
            return path[path.index(symbol) :]
        if symbol in done:
            return None
        path.append(symbol)
        for callee in self._callees(symbol):
            cycle = self._find_cycle(callee, path, done)
            if cycle:
                return cycle
        path.pop()
        done.add(symbol)
        return None


class _Code:
    """The machine code of one object, function by function."""

    def __init__(self, contents: bytes) -> None:
        elf = ELFFile(io.BytesIO(contents))
        self._functions: dict[str, bytes] = {}
        self._references: dict[str, set[str]] = {}
        sections = list(elf.iter_sections())
        table = next(part for part in sections if isinstance(part, SymbolTableSection))
        by_section: dict[int, list[tuple[int, int, str]]] = {}
        for entry in table.iter_symbols():
            if entry["st_info"]["type"] == "STT_FUNC" and isinstance(entry["st_shndx"], int):
                start, size = entry["st_value"], entry["st_size"]
                self._functions[entry.name] = sections[entry["st_shndx"]].data()[start:][:size]
                by_section.setdefault(entry["st_shndx"], []).append(
                    (start, start + size, entry.name)
                )
        for section in sections:
            if isinstance(section, RelocationSection):
                for relocation in section.iter_relocations():
                    if relocation["r_info_type"] != ENUM_RELOC_TYPE_x64["R_X86_64_PLT32"]:
                        continue  # an address taken, not a call or jump
                    target = table.get_symbol(relocation["r_info_sym"])
                    offset = relocation["r_offset"]
                    for start, end, name in by_section.get(section["sh_info"], ()):
                        if start <= offset < end:
                            self._references.setdefault(name, set()).add(target.name)

    def references(self, symbol: str) -> set[str]:
        """Every symbol that a function's code calls or jumps to."""
        return self._references.get(symbol, set())

    def frame(self, symbol: str) -> int:
        """The bytes that a compiled function's prologue takes from the stack."""
        code = self._functions.get(symbol)
        if code is None:
            return 0  # copied into its callers, no code of its own
        return frame_size(code)


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
