"""One protection domain that runs functions: its memory, its variables and its stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from questv.metal import tree
from questv.metal.check.signatures import static_type
from questv.metal.definitions import MetalFunction, StaticKind, StaticVariable
from questv.metal.emit import data
from questv.metal.interpret import statements
from questv.metal.interpret.arithmetic import TrapError, UnsupportedError, to_memory
from questv.metal.interpret.events import Event, Exchange, FenceReached, Load, Site, Steps, Store
from questv.metal.interpret.memory import Memory, MemoryFault, Region
from questv.metal.interpret.program import Program, site_of
from questv.metal.tree import TrapKind
from questv.metal.types import Type

T = TypeVar("T")

Model = Callable[..., Steps[int | None]]
"""Stands in for a function: it takes its arguments as numbers and may yield events."""

STACK = 1 << 20
"""The bytes of stack that a domain has."""


class Trapped(Exception):  # noqa: N818 - it reports what interpreted code did
    """The code stopped itself, for the reason ``kind``, at ``site``."""

    def __init__(self, kind: TrapKind, site: Site) -> None:
        """Carry the reason and the place."""
        self.kind, self.site = kind, site
        super().__init__(f"{kind.words}: {site}")


class EndlessError(Exception):
    """The run has taken more steps than it was given."""


class Interpreter:
    """One protection domain, with its own copy of every module-level variable.

    ``checks`` makes it stop where a debug build does. ``models`` stand in for functions.
    ``limit`` bounds the statements that all its runs together may execute.

    Runs raise Trapped, MemoryFault, EndlessError and UnsupportedError.
    """

    def __init__(
        self,
        program: Program,
        memory: Memory,
        *,
        checks: bool = True,
        models: Mapping[MetalFunction | Any, Model] | None = None,
        limit: int = 1_000_000,
    ) -> None:
        """A domain in ``memory``; the program's trees may serve many."""
        self.memory = memory
        self.checks = checks
        self._program = program
        self._models = dict(models or {})
        self._left = limit
        self._statics: dict[str, Region] = {}
        self._texts: dict[bytes, int] = {}
        self._functions: dict[int, MetalFunction] = {}
        self._addresses: dict[MetalFunction, int] = {}
        self._stack = memory.reserve(bytes(STACK))
        self._top = self._stack.start

    # ---- running -----------------------------------------------------------------------------

    def call(self, function: MetalFunction | Any, *arguments: int) -> Steps[int | None]:
        """Run a function, event by event; the result is its value, None if it has none."""
        assert isinstance(function, MetalFunction)
        model = self._models.get(function)
        if model is not None:
            return (yield from model(*arguments))
        found = self._program.function(function)
        if found is None:
            raise UnsupportedError(f"{function.name} is assembly and has no model")
        bottom = self._top
        frame = Frame(self, found, {local: self._push(local) for local in found.locals})
        for local, value in zip(found.parameters, arguments, strict=True):
            frame.set_local(local, value)
        result = yield from statements.run(frame, found.body)
        self._top = bottom
        return result.value if isinstance(result, statements.Returned) else None

    def run(self, function: MetalFunction | Any, *arguments: int) -> int | None:
        """Run a function to its end with nobody else there: each access acts on memory at once."""
        return alone(self.call(function, *arguments), self.memory)

    def _push(self, local: tree.Local) -> int:
        """Memory for a local: an aggregate's own, or a register's worth."""
        address = self._top
        self._top += -(-(local.type.size if local.storage else 8) // 8) * 8
        if self._top > self._stack.end:
            raise MemoryFault(f"'{local.name}' does not fit the stack of {STACK} bytes")
        return address

    def step(self, site: Site) -> None:
        """Count a statement or a turn of a loop; raises EndlessError."""
        self._left -= 1
        if self._left < 0:
            raise EndlessError(f"no end in sight: {site}")

    # ---- addresses ---------------------------------------------------------------------------

    def variable(self, variable: StaticVariable | Any) -> Region:
        """The memory of a module-level variable; one that is linked in by name starts as zero."""
        assert isinstance(variable, StaticVariable)
        found = self._statics.get(variable.symbol)
        if found is None:
            initial = None if variable.kind is StaticKind.EXTERNAL else variable.initial
            contents, targets = data.initial_contents(static_type(variable), initial)
            writable = variable.kind is not StaticKind.CONSTANT
            found = self.memory.reserve(contents, writable=writable)
            self._statics[variable.symbol] = found
            for offset, target in targets.items():
                found.contents[offset : offset + 8] = self._target(target).to_bytes(8, "little")
        return found

    def _target(self, target: data.Target) -> int:
        if isinstance(target, MetalFunction):
            return self.function_address(target)
        if isinstance(target, StaticVariable):
            return self.variable(target).start
        return self.text(target.encode())

    def function_address(self, function: MetalFunction) -> int:
        """The address of a function; there is nothing to read."""
        if function not in self._addresses:
            address = self.memory.reserve(b"").start
            self._addresses[function] = address
            self._functions[address] = function
        return self._addresses[function]

    def function_at(self, address: int) -> MetalFunction | None:
        """The function whose address was taken, if there is one."""
        return self._functions.get(address)

    def text(self, value: bytes) -> int:
        """The address of a constant string: its length in 8 bytes, then its bytes."""
        if value not in self._texts:
            contents = len(value).to_bytes(8, "little") + value
            self._texts[value] = self.memory.reserve(contents, writable=False).start
        return self._texts[value]


@dataclass(frozen=True)
class Frame:
    """One call: whose it is, and where each of its locals lies."""

    domain: Interpreter
    function: tree.Function
    locals: dict[tree.Local, int]

    def site(self, node: tree.Node) -> Site:
        """Where a node of the function stands."""
        return site_of(self.function.definition, node)

    def trap(self, kind: TrapKind | TrapError, node: tree.Node) -> Trapped:
        """The exception that says that the code stopped itself here."""
        return Trapped(kind.kind if isinstance(kind, TrapError) else kind, self.site(node))

    def region(self, node: tree.Node, address: int, size: int, *, write: bool) -> Region:
        """Where an access goes; raises MemoryFault that says where it came from."""
        try:
            return self.domain.memory.region(address, size, write=write)
        except MemoryFault as fault:
            raise MemoryFault(f"{fault}: {self.site(node)}") from None

    def set_local(self, local: tree.Local, value: int) -> None:
        """Set a scalar, or what an aggregate refers to."""
        self.store(self.locals[local], local.type, value)

    def store(self, address: int, type_: Type, value: int) -> None:
        """Store a scalar into private memory."""
        size = size_in_memory(type_)
        self.domain.memory.write(address, size, to_memory(type_, value))
