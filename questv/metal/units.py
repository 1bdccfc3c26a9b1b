"""Compile units: each module's object, taken from the cache or made.

Two levels of cache. The first answers "is this module, with all that it refers to, what it was?"
and saves the front end; its key is the module's source and the compiler's, and its entry lists
every compile-time value that the code was made from, which must still hold. The second maps a
unit's IR, with LLVM's version and options, to its object.

What makes fronts and objects is most of the compiler; it is loaded only when there is something
to make.
"""

from __future__ import annotations

import functools
import re
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import llvmlite

from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.metal.cache import Cache, key_of
from questv.metal.check.known import definitions_text
from questv.metal.check.symbols import check_symbols
from questv.metal.code import Code, code_of
from questv.metal.front import Front, FunctionFacts
from questv.metal.importing import import_module, named_modules, values_of
from questv.metal.source import Source, shown, source_of

RUNTIME = "questv.metal.runtime"
"""The module of the few functions that LLVM calls on its own, part of every program."""


@dataclass(frozen=True)
class Unit:
    """One compiled module."""

    module: str
    file: Path
    object: bytes
    functions: tuple[FunctionFacts, ...]
    addresses: tuple[tuple[str, str], ...]
    uses: tuple[str, ...]

    @functools.cached_property
    def code(self) -> Code:
        """What its machine code takes from the stack and calls."""
        return code_of(self.object)


class UnitCompiler:
    """Compiles modules; ``checks`` is a debug build, ``level`` LLVM's optimization level."""

    def __init__(self, *, checks: bool, level: int = 2, directory: Path | None = None) -> None:
        """Use the caches below ``directory`` (default: the user's)."""
        self._checks, self._level = checks, level
        self._fronts, self._objects = Cache("front", directory), Cache("object", directory)
        self._irs: dict[str, str] = {}
        self.compiled: list[str] = []
        """The modules that LLVM had to compile, since nothing in the cache would do."""

    def compile(self, modules: Iterable[str]) -> dict[str, Unit]:
        """The units of ``modules`` and of every module that they use, by name.

        Raises DiagnosticsError with all errors in all of them.
        """
        fronts, diagnostics = self._read(modules)
        if diagnostics:
            raise DiagnosticsError(diagnostics)
        objects = self._objects_of(fronts)
        return {
            module: Unit(
                module,
                source_of(module).file,
                objects[module],
                front.functions,
                front.addresses,
                front.uses,
            )
            for module, front in sorted(fronts.items())
        }

    def findings(self, modules: Iterable[str]) -> list[Diagnostic]:
        """What ``compile`` would refuse, without making any object."""
        return self._read(modules)[1]

    # ---- the front end -----------------------------------------------------------------------

    def _read(self, modules: Iterable[str]) -> tuple[dict[str, Front], list[Diagnostic]]:
        """The fronts of ``modules`` and of every module that they use, and all errors in them."""
        fronts: dict[str, Front] = {}
        diagnostics: list[Diagnostic] = []
        waiting = [RUNTIME, *modules]
        while waiting:
            module = waiting.pop()
            if module in fronts:
                continue
            try:
                import_module(module)
                with values_of(module):
                    fronts[module] = self._front(module)
            except DiagnosticsError as error:
                diagnostics += error.diagnostics
                fronts[module] = Front("", uses=named_modules(module))
            waiting += fronts[module].uses
        return fronts, diagnostics + check_symbols(fronts)

    def _front(self, module: str) -> Front:
        key = key_of(
            compiler_hash(),
            module,
            source_of(module).text,
            str(self._checks),
            str(self._level),
            definitions_text(module),
        )
        cached = self._fronts.get(key)
        if cached is not None:
            front = Front.decode(cached)
            holds = all(dependency.holds() for dependency in front.dependencies)
            if holds and self._objects.get(front.object_key) is not None:
                return front
        from questv.metal.making import make_front

        front, self._irs[module] = make_front(module, checks=self._checks, level=self._level)
        self._fronts.put(key, front.encode())
        return front

    # ---- objects -----------------------------------------------------------------------------

    def _objects_of(self, fronts: dict[str, Front]) -> dict[str, bytes]:
        objects: dict[str, bytes] = {}
        missing: dict[str, str] = {}
        for module, front in fronts.items():
            stored = self._objects.get(front.object_key)
            if stored is not None:
                objects[module] = stored
            else:
                missing[module] = self._irs[module]
        if missing:
            objects |= self._compiled(missing, fronts)
        return objects

    def _compiled(self, irs: dict[str, str], fronts: dict[str, Front]) -> dict[str, bytes]:
        from questv.metal.backend import BackendError, compile_units

        objects: dict[str, bytes] = {}
        lock = threading.Lock()

        def done(module: str, compiled: bytes) -> None:
            self._objects.put(fronts[module].object_key, compiled)
            with lock:
                objects[module] = compiled
                self.compiled.append(module)

        try:
            compile_units(irs, self._level, done)
        except BackendError as error:
            raise DiagnosticsError([_backend_diagnostic(error.unit, str(error))]) from error
        return objects


def _backend_diagnostic(unit: str, complaint: str) -> Diagnostic:
    """LLVM's complaint, at the assembly that it is about where that can be told."""
    source = source_of(unit)
    lines = complaint.strip().splitlines() or ["it gives no reason"]
    first = next((index for index, line in enumerate(lines) if "error:" in line), 0)
    reason = lines[first].split("error:")[-1].strip()
    if found := re.match(r"<inline asm>:\d+:\d+: ", reason):
        reason = reason[found.end() :]
    quoted = lines[first + 1].strip() if first + 1 < len(lines) else ""
    return Diagnostic(
        _assembly_place(source, quoted),
        f"the assembler refuses '{quoted}' of {unit}: {reason}",
        "mend the instruction; metal's assembly is in Intel syntax",
        "bad-assembly",
    )


def _assembly_place(source: Source, quoted: str) -> Place:
    """The line that holds an instruction as LLVM quotes it, or else its mnemonic alone."""
    mnemonic = re.compile(rf"\b{re.escape(quoted.split()[0])}\b") if quoted else None
    lines = list(enumerate(source.text.split("\n"), 1))
    found = [number for number, text in lines if quoted and quoted in text]
    found += [number for number, text in lines if mnemonic and mnemonic.search(text)]
    return source.line(found[0]) if found else Place(shown(source.file))


@functools.cache
def compiler_hash() -> str:
    """The hash of the compiler's own sources, the Python that runs it, and LLVM's version."""
    folder = Path(__file__).parent
    sources = [path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    return key_of(sys.version, llvmlite.__version__, *sources)
