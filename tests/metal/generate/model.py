"""What the model of a metal program works with: integer types, memory, and how a run can end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Int:
    """An integer type, worked out from its width and sign alone."""

    bits: int
    signed: bool

    @property
    def name(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"

    @property
    def size(self) -> int:
        return self.bits // 8

    @property
    def low(self) -> int:
        return -(2 ** (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return 2 ** (self.bits - 1) - 1 if self.signed else 2**self.bits - 1

    def fits(self, value: int) -> bool:
        return self.low <= value <= self.high

    def wrap(self, value: int) -> int:
        return (value - self.low) % 2**self.bits + self.low

    def pattern(self, value: int) -> int:
        """The bits of a value, as an unsigned number."""
        return value % 2**self.bits

    def boundaries(self) -> list[int]:
        """The values at which arithmetic goes wrong if it ever does."""
        near = [0, 1, 2, 3, 7, self.bits - 1, self.bits, self.bits + 1, self.high, self.high - 1]
        near += [self.low, self.low + 1, -1, -2, -3, -7, self.high // 2, self.high // 3]
        near += [2**power for power in range(self.bits - 1)]
        return sorted({value for value in near if self.fits(value)})


@dataclass(frozen=True)
class Boolean:
    """A truth value."""

    name: str = "bool"
    size: int = 1


@dataclass(frozen=True)
class Pointer:
    """A pointer to values of one type; in the model a container and a key in it, or None.

    The container is the list of an array's elements, of one variable or field, or of one struct,
    or the dictionary of a function's locals.
    """

    target: Int | Record

    @property
    def name(self) -> str:
        return f"Ptr[{self.target.name}]"


@dataclass(frozen=True)
class Table:
    """A fixed array: a list in the model."""

    element: Scalar | Record
    length: int

    @property
    def name(self) -> str:
        return f"Array[{self.element.name}, {self.length}]"


@dataclass(frozen=True)
class Record:
    """A struct: in the model a dict of lists, a scalar field being a list of one value."""

    name: str
    fields: tuple[tuple[str, Scalar | Table | Record], ...]


Scalar = Int | Boolean
Type = Scalar | Pointer | Table | Record

U8, U16, U32, U64 = (Int(bits, signed=False) for bits in (8, 16, 32, 64))
I8, I16, I32, I64 = (Int(bits, signed=True) for bits in (8, 16, 32, 64))
INTEGERS = (U8, U16, U32, U64, I8, I16, I32, I64)
UNSIGNED = (U8, U16, U32, U64)
BOOL = Boolean()


class Trap(Exception):  # noqa: N818 - it is what the program does, not an error of the model
    """The program stops itself; ``kind`` is the name of the reason."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


class Undecided(Exception):  # noqa: N818
    """The run goes where the model can't follow: a wild address, or too many steps."""


class Leave(Exception):  # noqa: N818
    """``break``."""


class Again(Exception):  # noqa: N818
    """``continue``."""


class Result(Exception):  # noqa: N818
    """``return``."""

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass
class Machine:
    """One run: the module's variables, and whether the build checks what debug builds check."""

    checks: bool
    statics: dict[str, Any]
    steps: int = 0
    limit: int = 20_000

    def step(self) -> None:
        self.steps += 1
        if self.steps > self.limit:
            raise Undecided

    def element(self, memory: list[Any], index: int) -> int:
        """An index into an array, once it is known to be good."""
        if 0 <= index < len(memory):
            return index
        if self.checks:
            raise Trap("BOUNDS")
        raise Undecided

    def target(self, pointer: tuple[Any, Any] | None, index: int) -> tuple[Any, Any]:
        """What a pointer points to, ``index`` elements on."""
        if pointer is None and self.checks:
            raise Trap("NULL")
        if pointer is None:
            raise Undecided
        container, key = pointer
        if index == 0:
            return pointer
        if isinstance(container, dict) or not 0 <= key + index < len(container):
            raise Undecided
        return container, key + index


@dataclass
class Frame:
    """The locals of one call."""

    machine: Machine
    values: dict[str, Any] = field(default_factory=dict)


def zero(type_: Type) -> Any:
    """The model's memory for a zeroed value; a list even for a scalar."""
    if isinstance(type_, Table):
        if isinstance(type_.element, Record):
            return [zero(type_.element) for _ in range(type_.length)]
        return [0 if isinstance(type_.element, Int) else False] * type_.length
    if isinstance(type_, Record):
        return {name: zero(part) for name, part in type_.fields}
    return [False if isinstance(type_, Boolean) else 0]


def overwrite(to: Any, source: Any) -> None:
    """Copy memory onto memory of the same type, in place."""
    if isinstance(to, dict):
        for name in to:
            overwrite(to[name], source[name])
    elif to and isinstance(to[0], dict):
        for part, other in zip(to, source, strict=True):
            overwrite(part, other)
    else:
        to[:] = source


def alignment(type_: Type) -> int:
    """C's alignment on x86-64."""
    if isinstance(type_, Table):
        return alignment(type_.element)
    if isinstance(type_, Record):
        return max(alignment(part) for _, part in type_.fields)
    return 8 if isinstance(type_, Pointer) else type_.size


def contents(type_: Type, memory: Any) -> bytes:
    """The bytes of the model's memory in C's layout."""
    if isinstance(type_, Record):
        made = b""
        for name, part in type_.fields:
            made += bytes(-len(made) % alignment(part)) + contents(part, memory[name])
        return made + bytes(-len(made) % alignment(type_))
    if isinstance(type_, Table) and isinstance(type_.element, Record):
        return b"".join(contents(type_.element, part) for part in memory)
    element = type_.element if isinstance(type_, Table) else type_
    assert isinstance(element, Int | Boolean)
    signed = isinstance(element, Int) and element.signed
    return b"".join(int(part).to_bytes(element.size, "little", signed=signed) for part in memory)
