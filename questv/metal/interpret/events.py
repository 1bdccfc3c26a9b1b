"""What a run of metal code does that others can see, and what it waits for.

A run yields these; it goes on when it is sent the answer that the event's docstring names.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from questv.metal.lang import Order
from questv.metal.tree import CellOperation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Site:
    """Where something stands in the source: a function's symbol, a line and a column (from 1)."""

    function: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.function}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that others can see."""

    site: Site


@dataclass(frozen=True, slots=True)
class Access(Event):
    """One access of ``size`` bytes; ``order`` is None unless the cell is atomic or shared."""

    address: int
    size: int
    order: Order | None

    @property
    def _where(self) -> str:
        order = "plain" if self.order is None else self.order.name
        return f"{self.address:#x}+{self.size} {order}, {self.site}"


@dataclass(frozen=True, slots=True)
class Load(Access):
    """The answer is what is read, as an unsigned number (little-endian)."""

    def __str__(self) -> str:
        return f"load {self._where}"


@dataclass(frozen=True, slots=True)
class Store(Access):
    """Writes ``value``, an unsigned number; the answer is None."""

    value: int

    def __str__(self) -> str:
        return f"store {self.value:#x} to {self._where}"


@dataclass(frozen=True, slots=True)
class Exchange(Access):
    """A read and a write in one; the answer is what was there before, an unsigned number."""

    operation: CellOperation
    operands: tuple[int, ...]

    def after(self, before: int) -> int:
        """What is there after the access if ``before`` was there, as an unsigned number."""
        first = self.operands[0]
        match self.operation:
            case CellOperation.SWAP:
                result = first
            case CellOperation.COMPARE_SWAP:
                result = self.operands[1] if before == first else before
            case CellOperation.ADD:
                result = before + first
            case CellOperation.SUBTRACT:
                result = before - first
            case CellOperation.AND:
                result = before & first
            case CellOperation.OR:
                result = before | first
            case CellOperation.XOR:
                result = before ^ first
            case _:
                raise AssertionError(self.operation)
        return result & (1 << self.size * 8) - 1

    def __str__(self) -> str:
        return f"{self.operation.value} {', '.join(map(hex, self.operands))} at {self._where}"


@dataclass(frozen=True, slots=True)
class FenceReached(Event):
    """A fence; the answer is None."""

    order: Order

    def __str__(self) -> str:
        return f"fence {self.order.name}, {self.site}"


Steps = Generator[Event, int | None, T]
"""A run that is driven event by event and returns a ``T``."""
