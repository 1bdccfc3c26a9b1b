"""Compile units: each module's object, taken from the cache or made.

Two levels of cache. The first answers "is this module, with all that it refers to, what it was?"
and saves the front end; its key is the module's source and the compiler's, and its entry lists
every compile-time value that the code was made from, which must still hold. The second maps a
unit's IR, with LLVM's version and options, to its object.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from questv.diagnostics import Diagnostic, DiagnosticsError, Place
from questv.metal import tree, worker
from questv.metal.backend import BackendError, compile_units
from questv.metal.cache import Cache, key_of
from questv.metal.check.known import Dependency
from questv.metal.check.signatures import definition_line, signature, static_type
from questv.metal.check.symbols import check_symbols
from questv.metal.definitions import MetalFunction, StaticKind
from questv.metal.emit import data
from questv.metal.emit.module import CheckedModule, ModuleEmitter
from questv.metal.frontend import FrontEnd, definitions_text
from questv.metal.importing import import_module, named_modules
from questv.metal.source import Source, shown, source_of

RUNTIME = "questv.metal.runtime"
"""The module of the few functions that LLVM calls on its own, part of every program."""


@dataclass(frozen=True)
class FunctionFacts:
    """What the whole-program checks need to know of one function."""

    symbol: str
    name: str
    line: int
    calls: tuple[str, ...] = ()
    pointer_calls: tuple[str, ...] = ()
    stack: int | None = None
    """Bytes pushed by an assembly function; None for a compiled one, whose code tells."""
    pushes: int = 0
    """Bytes that a compiled function's inline assembly pushes besides, at most."""


@dataclass(frozen=True)
class Unit:
    """One compiled module."""

    module: str
    file: Path
    object: bytes
    functions: tuple[FunctionFacts, ...]
    addresses: tuple[tuple[str, str], ...]
    uses: tuple[str, ...]


@dataclass
class _Front:
    """What the front end makes of a module, as it is cached."""

    object_key: str
    functions: tuple[FunctionFacts, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    uses: tuple[str, ...] = ()
    dependencies: list[Dependency] = field(default_factory=list)

    def encode(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def decode(cls, text: bytes) -> _Front:
        raw: dict[str, Any] = json.loads(text)
        functions = tuple(
            FunctionFacts(
                **{
                    **facts,
                    "calls": tuple(facts["calls"]),
                    "pointer_calls": tuple(facts["pointer_calls"]),
                }
            )
            for facts in raw["functions"]
        )
        addresses = tuple((symbol, type_) for symbol, type_ in raw["addresses"])
        dependencies = [Dependency(**dependency) for dependency in raw["dependencies"]]
        return cls(raw["object_key"], functions, addresses, tuple(raw["uses"]), dependencies)


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
        fronts: dict[str, _Front] = {}
        diagnostics: list[Diagnostic] = []
        waiting = [RUNTIME, *modules]
        while waiting:
            module = waiting.pop()
            if module in fronts:
                continue
            try:
                import_module(module)
                fronts[module] = self._front(module)
            except DiagnosticsError as error:
                diagnostics += error.diagnostics
                fronts[module] = _Front("", uses=named_modules(module))
            waiting += fronts[module].uses
        diagnostics += check_symbols(fronts)
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

    # ---- the front end -----------------------------------------------------------------------

    def _front(self, module: str) -> _Front:
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
            front = _Front.decode(cached)
            holds = all(dependency.holds() for dependency in front.dependencies)
            if holds and self._objects.get(front.object_key) is not None:
                return front
        end = FrontEnd(module)
        checked = end.check()
        emitter = ModuleEmitter(checked, checks=self._checks)
        ir = emitter.emit()
        object_key = key_of(worker.version(), str(self._level), ir)
        self._irs[module] = ir
        front = _Front(
            object_key,
            _facts(checked),
            _addresses(checked),
            tuple(sorted(emitter.uses)),
            sorted(end.dependencies, key=lambda part: (part.module, part.expression)),
        )
        self._fronts.put(key, front.encode())
        return front

    # ---- objects -----------------------------------------------------------------------------

    def _objects_of(self, fronts: dict[str, _Front]) -> dict[str, bytes]:
        objects: dict[str, bytes] = {}
        missing: dict[str, str] = {}
        for module, front in fronts.items():
            stored = self._objects.get(front.object_key)
            if stored is not None:
                objects[module] = stored
            else:
                missing[module] = self._irs[module]
        lock = threading.Lock()

        def done(module: str, compiled: bytes) -> None:
            self._objects.put(fronts[module].object_key, compiled)
            with lock:
                objects[module] = compiled
                self.compiled.append(module)

        try:
            compile_units(missing, self._level, done)
        except BackendError as error:
            raise DiagnosticsError([_backend_diagnostic(error)]) from error
        return objects


def _with_inlined(checked: CheckedModule, function: tree.Function) -> list[tree.Function]:
    """A function and the inline functions that end up inside it."""
    trees = {own.definition: own for own in checked.functions} | checked.inlined
    found, waiting = [function], [function]
    while waiting:
        for called in waiting.pop().calls:
            if called.inline and trees[called] not in found:
                found.append(trees[called])
                waiting.append(trees[called])
    return found


def _facts(checked: CheckedModule) -> tuple[FunctionFacts, ...]:
    facts = []
    for function in checked.functions:
        parts = _with_inlined(checked, function)
        calls = {called.symbol for part in parts for called in part.calls if not called.inline}
        types = {str(type_) for part in parts for type_ in part.pointer_calls}
        facts.append(
            FunctionFacts(
                function.definition.symbol,
                function.definition.name,
                function.line,
                tuple(sorted(calls)),
                tuple(sorted(types)),
                pushes=max(part.pushes for part in parts),
            )
        )
    for assembled in checked.assembly_functions:
        facts.append(
            FunctionFacts(
                assembled.symbol,
                assembled.name,
                definition_line(assembled),
                stack=assembled.stack,
            )
        )
    return tuple(facts)


def _addresses(checked: CheckedModule) -> tuple[tuple[str, str], ...]:
    """Every function whose address the unit takes, with its type."""
    taken = {
        function
        for part in [*checked.functions, *checked.inlined.values()]
        for function in part.addresses_taken
    }
    for variable in checked.statics:
        if variable.kind is not StaticKind.EXTERNAL:
            _, addresses = data.initial_contents(static_type(variable), variable.initial)
            taken |= {part for part in addresses.values() if isinstance(part, MetalFunction)}
    return tuple(sorted((function.symbol, str(signature(function).type)) for function in taken))


def _backend_diagnostic(error: BackendError) -> Diagnostic:
    """LLVM's complaint, at the assembly that it is about where that can be told."""
    source = source_of(error.unit)
    lines = str(error).strip().splitlines() or ["it gives no reason"]
    first = next((index for index, line in enumerate(lines) if "error:" in line), 0)
    reason = lines[first].split("error:")[-1].strip()
    if found := re.match(r"<inline asm>:\d+:\d+: ", reason):
        reason = reason[found.end() :]
    quoted = lines[first + 1].strip() if first + 1 < len(lines) else ""
    return Diagnostic(
        _assembly_place(source, quoted),
        f"the assembler refuses '{quoted}' of {error.unit}: {reason}",
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
    """The hash of the compiler's own sources and the Python that runs it."""
    folder = Path(__file__).parent
    sources = [path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    return key_of(sys.version, *sources)
