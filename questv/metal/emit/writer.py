"""Writes the instructions of one function: temporaries, blocks, source positions and traps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.emit.debuginfo import DebugInfo
from questv.metal.tree import Function, Local, Node, TrapKind


class Unit(Protocol):
    """What a function needs of the module it is emitted into."""

    checks: bool
    debug: DebugInfo

    def use_function(self, function: MetalFunction) -> str:
        """The symbol of a function that is called or whose address is taken."""

    def use_static(self, variable: StaticVariable) -> str:
        """The symbol of a variable."""

    def use_text(self, value: bytes) -> str:
        """The symbol of a constant string."""

    def use_intrinsic(self, declaration: str) -> None:
        """Declare an LLVM intrinsic."""


@dataclass
class Loop:
    """Where ``continue`` and ``break`` go."""

    next: str
    end: str


@dataclass
class FunctionWriter:
    """The text of one function as it grows."""

    unit: Unit
    function: Function
    scope: str
    file: str
    lines: list[str] = field(default_factory=list)
    entry: list[str] = field(default_factory=list)
    slots: dict[Local, str] = field(default_factory=dict)
    loops: list[Loop] = field(default_factory=list)
    terminated: bool = False
    _temporaries: int = 0
    _labels: int = 0
    _location: str = ""
    _traps: list[str] = field(default_factory=list)

    def at(self, node: Node) -> None:
        """Attribute what follows to the source position of ``node``."""
        self._location = self.unit.debug.location(node.line, node.column, self.scope)

    def run(self, instruction: str) -> None:
        """Append an instruction without a result."""
        if not self.terminated:
            self.lines.append(f"  {instruction}, !dbg {self._location}")

    def let(self, instruction: str) -> str:
        """Append an instruction; its result's name."""
        self._temporaries += 1
        name = f"%t{self._temporaries}"
        self.run(f"{name} = {instruction}")
        return name

    def label(self, hint: str) -> str:
        """A new label, not placed yet."""
        self._labels += 1
        return f"{hint}{self._labels}"

    def place(self, label: str) -> None:
        """Start the block of ``label`` here, falling into it from above."""
        self.jump(label)
        self.lines.append(f"{label}:")
        self.terminated = False

    def jump(self, label: str) -> None:
        """Go to ``label``, unless control never comes here."""
        self.end(f"br label %{label}")

    def branch(self, test: str, then: str, otherwise: str) -> None:
        """Go to ``then`` if ``test`` holds, else to ``otherwise``."""
        self.end(f"br i1 {test}, label %{then}, label %{otherwise}")

    def end(self, terminator: str) -> None:
        """End the block."""
        self.run(terminator)
        self.terminated = True

    def stack_slot(self, type_: str, align: int) -> str:
        """Memory in the function's frame, reserved once at its entry."""
        self._temporaries += 1
        name = f"%s{self._temporaries}"
        self.entry.append(f"  {name} = alloca {type_}, align {align}")
        return name

    def any_address(self, pointer: str) -> str:
        """The same address, of which LLVM knows nothing any more.

        It takes an access outside of the variable that an address was made from as a proof that
        the program never comes there, or that no other variable is touched. Here a wild address
        is only an address.
        """
        return self.let(f'call ptr asm "", "=r,0"(ptr {pointer}) memory(none)')

    def trap(self, kind: TrapKind) -> None:
        """Stop here."""
        self._call_trap(kind)
        self.end("unreachable")

    def require(self, test: str, kind: TrapKind) -> None:
        """Go on only if ``test`` holds, else stop for ``kind``."""
        go_on, stop = self.label("ok"), self.label("trap")
        self.branch(test, go_on, stop)
        saved, self.lines, self.terminated = self.lines, [], False
        self.lines.append(f"{stop}:")
        self.trap(kind)
        self._traps += self.lines
        self.lines = saved
        self.lines.append(f"{go_on}:")
        self.terminated = False

    def _call_trap(self, kind: TrapKind) -> None:
        # To LLVM a trap reads no memory, so what was stored before it could be left out; the empty
        # assembly reads it, for whoever looks at the wreck.
        self.run('call void asm sideeffect "", "~{memory}"()')
        # UD1 with the kind in its operand; nomerge keeps each one's own source line.
        self.unit.use_intrinsic("declare void @llvm.ubsantrap(i8 immarg) cold noreturn nounwind")
        self.run(f"call void @llvm.ubsantrap(i8 {int(kind)}) nomerge")

    def text(self) -> str:
        """The function's body: its frame, its code, and last the blocks that stop."""
        head = ["entry:", *self.entry, "  br label %start", "start:"]
        return "\n".join([*head, *self.lines, *self._traps])
