"""One call of a function: its locals, and the accesses that it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from questv.metal import tree
from questv.metal.interpret.arithmetic import from_memory, size_in_memory, to_memory
from questv.metal.interpret.events import Load, Site, Steps, Store
from questv.metal.interpret.faults import MemoryFault, Trapped
from questv.metal.interpret.memory import Region
from questv.metal.interpret.program import site_of
from questv.metal.tree import TrapKind
from questv.metal.types import Type

if TYPE_CHECKING:
    from questv.metal.interpret.interpreter import Interpreter


@dataclass(frozen=True)
class Frame:
    """Whose call it is, and where each of its locals lies."""

    domain: Interpreter
    function: tree.Function
    locals: dict[tree.Local, int]

    def site(self, node: tree.Node) -> Site:
        """Where a node of the function stands."""
        return site_of(self.function.definition, node)

    def trap(self, kind: TrapKind, node: tree.Node) -> Trapped:
        """The exception that says that the code stops itself here."""
        return Trapped(kind, self.site(node))

    def unless_trapped(self, result: int | TrapKind, node: tree.Node) -> int:
        """A result, unless it is why the code stops; raises Trapped."""
        if isinstance(result, TrapKind):
            raise self.trap(result, node)
        return result

    def set_local(self, local: tree.Local, value: int) -> None:
        """Set a scalar, or what an aggregate refers to."""
        size = size_in_memory(local.type)
        self.domain.memory.write(self.locals[local], size, to_memory(local.type, value))

    # ---- plain accesses: events only where memory is shared ------------------------------------

    def read(self, node: tree.Node, type_: Type, address: int) -> Steps[int]:
        """The value of ``type_`` at an address."""
        bits = yield from self.read_bytes(node, address, size_in_memory(type_))
        return from_memory(type_, bits)

    def write(self, node: tree.Node, type_: Type, address: int, value: int) -> Steps[None]:
        """Set the value of ``type_`` at an address."""
        bits = to_memory(type_, value)
        yield from self.write_bytes(node, address, size_in_memory(type_), bits)

    def read_bytes(self, node: tree.Node, address: int, size: int) -> Steps[int]:
        """``size`` bytes as an unsigned number."""
        if not self.region(node, address, size, write=False).shared:
            return self.domain.memory.read(address, size)
        bits = yield Load(self.site(node), address, size, None)
        assert bits is not None
        return bits

    def write_bytes(self, node: tree.Node, address: int, size: int, bits: int) -> Steps[None]:
        """Set ``size`` bytes to an unsigned number."""
        if self.region(node, address, size, write=True).shared:
            yield Store(self.site(node), address, size, None, bits)
        else:
            self.domain.memory.write(address, size, bits)

    def region(self, node: tree.Node, address: int, size: int, *, write: bool) -> Region:
        """Where an access goes; raises MemoryFault that says where it came from."""
        try:
            return self.domain.memory.region(address, size, write=write)
        except MemoryFault as fault:
            raise MemoryFault(f"{fault}: {self.site(node)}") from None
