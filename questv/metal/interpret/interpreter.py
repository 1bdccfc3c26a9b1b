"""One protection domain that runs functions: its variables, its stack, and what it calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from questv.metal import tree
from questv.metal.check.signatures import static_type
from questv.metal.definitions import MetalFunction, StaticKind, StaticVariable
from questv.metal.emit import data
from questv.metal.interpret import statements
from questv.metal.interpret.events import Event, Exchange, FenceReached, Load, Steps, Store
from questv.metal.interpret.faults import EndlessError, MemoryFault, UnsupportedError
from questv.metal.interpret.frame import Frame
from questv.metal.interpret.memory import Memory, Region
from questv.metal.interpret.program import Program

T = TypeVar("T")

Model = Callable[..., Steps[int | None]]
"""Stands in for a function: it takes its arguments as numbers and may yield events."""

STACK = 1 << 16
"""The bytes of stack that a domain has."""


class Interpreter:
    """One protection domain, with its own copy of every module-level variable.

    ``checks`` makes it stop where a debug build does. ``models`` stand in for functions.
    ``limit`` bounds the statements that all its runs together may execute.

    Runs raise Trapped, MemoryFault, EndlessError and UnsupportedError; a domain in which one
    has raised is not to be used again.
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
        outcome = yield from statements.run(frame, found.body)
        self._top = bottom
        return outcome.value if isinstance(outcome, statements.Returned) else None

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

    def count(self, frame: Frame, node: tree.Node) -> None:
        """Count a statement or a turn of a loop; raises EndlessError."""
        self._left -= 1
        if self._left < 0:
            raise EndlessError(f"no end in sight: {frame.site(node)}")

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


def alone(steps: Steps[T], memory: Memory) -> T:
    """Drive a run with nobody else there: each access acts on memory at once."""
    answer: int | None = None
    while True:
        try:
            event = steps.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value
        answer = perform(event, memory)


def perform(event: Event, memory: Memory) -> int | None:
    """Act on memory as the only one there; the event's answer."""
    match event:
        case Load():
            return memory.read(event.address, event.size)
        case Store():
            memory.write(event.address, event.size, event.value)
            return None
        case Exchange():
            before = memory.read(event.address, event.size)
            memory.write(event.address, event.size, event.after(before))
            return before
        case FenceReached():
            return None
    raise UnsupportedError(str(event))
