"""The typed tree: what the checker makes of Python source, and all that later stages read.

Every node is fully decided: types are known, constants are folded, casts are explicit, names are
resolved. Expressions yield a value in a register; places are addresses in memory. ``line`` and
``column`` (from 1) say where a node stands in its module's file.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.lang import Order
from questv.metal.types import CellType, Field, FunctionType, Type


@dataclass(eq=False)
class Local:
    """A parameter or local variable.

    ``storage`` marks an aggregate that lives in the function's own frame; every other local is a
    scalar, or a reference (a pointer that is never null) to an aggregate elsewhere.
    """

    name: str
    type: Type
    line: int
    parameter: int | None = None
    storage: bool = False


@dataclass(frozen=True)
class Node:
    """Anything that stands somewhere."""

    line: int
    column: int


# ---- Places: addresses -----------------------------------------------------------------------


@dataclass(frozen=True)
class Place(Node):
    """An address in memory with the type of what lies there."""

    type: Type


@dataclass(frozen=True)
class LocalPlace(Place):
    """A local's own memory."""

    local: Local


@dataclass(frozen=True)
class StaticPlace(Place):
    """A module-level variable."""

    variable: StaticVariable


@dataclass(frozen=True)
class PointerPlace(Place):
    """What a pointer points to, ``index`` elements on; ``reference`` pointers are never null."""

    pointer: Expression
    index: Expression | None
    reference: bool


@dataclass(frozen=True)
class FieldPlace(Place):
    """A field of a struct."""

    base: Place
    field: Field


@dataclass(frozen=True)
class IndexPlace(Place):
    """An element of an array; the index is unsigned and of 64 bits."""

    base: Place
    index: Expression
    length: int


# ---- Expressions: values ---------------------------------------------------------------------


@dataclass(frozen=True)
class Expression(Node):
    """A value of ``type``; a reference's type is that of the aggregate."""

    type: Type


@dataclass(frozen=True)
class Constant(Expression):
    """An integer, boolean, enum, float or null pointer known now."""

    value: int | float


@dataclass(frozen=True)
class Text(Expression):
    """The address of a constant string."""

    value: bytes


@dataclass(frozen=True)
class FunctionAddress(Expression):
    """The address of a function."""

    function: MetalFunction


@dataclass(frozen=True)
class Load(Expression):
    """The scalar at a place."""

    place: Place


@dataclass(frozen=True)
class Reference(Expression):
    """The address of a place, as a reference to an aggregate, a pointer or an integer."""

    place: Place


class UnaryOperator(enum.Enum):
    """Operators with one operand."""

    NEGATE = "-"
    INVERT = "~"
    NOT = "not"


@dataclass(frozen=True)
class Unary(Expression):
    """An operator applied to one value."""

    operator: UnaryOperator
    operand: Expression


class BinaryOperator(enum.Enum):
    """Arithmetic and bitwise operators; both operands have the result's type."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    FLOOR_DIVIDE = "//"
    REMAINDER = "%"
    AND = "&"
    OR = "|"
    XOR = "^"
    SHIFT_LEFT = "<<"
    SHIFT_RIGHT = ">>"


@dataclass(frozen=True)
class Binary(Expression):
    """An operator applied to two values of one type."""

    operator: BinaryOperator
    left: Expression
    right: Expression


class Comparison(enum.Enum):
    """Comparison operators."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True)
class Compare(Expression):
    """``a < b <= c``: each operand is worked out once, from the left, until one step is false."""

    operands: tuple[Expression, ...]
    operators: tuple[Comparison, ...]


@dataclass(frozen=True)
class Logic(Expression):
    """``and`` (``conjunction``) or ``or`` of booleans, stopping as soon as it is decided."""

    conjunction: bool
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Conditional(Expression):
    """``chosen if test else other``."""

    test: Expression
    chosen: Expression
    other: Expression


@dataclass(frozen=True)
class Cast(Expression):
    """A conversion between scalars; ``exact`` ones stop a debug build if the value changes."""

    operand: Expression
    exact: bool


@dataclass(frozen=True)
class Call(Expression):
    """A call of a known function."""

    function: MetalFunction
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class PointerCall(Expression):
    """A call through a function's address."""

    target: Expression
    signature: FunctionType
    arguments: tuple[Expression, ...]


class CellOperation(enum.Enum):
    """What can be done to a cell."""

    LOAD = "load"
    STORE = "store"
    SWAP = "swap"
    COMPARE_SWAP = "compare_swap"
    ADD = "add"
    SUBTRACT = "subtract"
    AND = "and_"
    OR = "or_"
    XOR = "xor"


@dataclass(frozen=True)
class CellAccess(Expression):
    """One access to a cell; the result is the value before it (None for a store)."""

    operation: CellOperation
    place: Place
    cell: CellType
    order: Order | None
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Assembly(Expression):
    """Inline assembly; with several ``results`` it stands only in an unpacking assignment."""

    template: str
    constraints: str
    results: tuple[Type, ...]
    arguments: tuple[Expression, ...]


class Intrinsic(enum.Enum):
    """Operations that the machine has and Python has no operator for."""

    MULTIPLY_HIGH = "multiply_high"
    LEADING_ZEROS = "leading_zeros"
    TRAILING_ZEROS = "trailing_zeros"
    COUNT_ONES = "count_ones"
    BYTE_SWAP = "byte_swap"
    SQUARE_ROOT = "square_root"
    FLOAT_BITS = "float_bits"
    FLOAT_FROM_BITS = "float_from_bits"
    MINIMUM = "min"
    MAXIMUM = "max"
    TEXT_BYTES = "text_bytes"
    TEXT_LENGTH = "len"


@dataclass(frozen=True)
class IntrinsicCall(Expression):
    """An intrinsic applied to values."""

    intrinsic: Intrinsic
    arguments: tuple[Expression, ...]


# ---- Statements ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statement(Node):
    """One statement."""


@dataclass(frozen=True)
class Assign(Statement):
    """Store a scalar; the value is worked out before the place's address."""

    place: Place
    value: Expression


@dataclass(frozen=True)
class Update(Statement):
    """``place op= value``: the place is found once and read before the value is worked out."""

    place: Place
    operator: BinaryOperator
    value: Expression


@dataclass(frozen=True)
class Unpack(Statement):
    """Spread the results of an assembly statement over locals."""

    places: tuple[Place, ...]
    value: Assembly


@dataclass(frozen=True)
class Copy(Statement):
    """Copy an aggregate onto another of its type; they may overlap."""

    to: Place
    source: Place


@dataclass(frozen=True)
class Clear(Statement):
    """Set every byte of a place to zero."""

    place: Place


@dataclass(frozen=True)
class Evaluate(Statement):
    """Work out an expression for its effects."""

    value: Expression


@dataclass(frozen=True)
class Fence(Statement):
    """A memory fence."""

    order: Order


class TrapKind(enum.IntEnum):
    """Why compiled code stopped itself: the operand of the UD1 instruction that did it."""

    ASSERTION = 1
    DIVISION = 2
    TRAP = 3
    BOUNDS = 4
    NULL = 5
    SHIFT = 6
    CAST = 7
    ALIGNMENT = 8

    @property
    def words(self) -> str:
        """The reason for a person."""
        return _TRAP_WORDS[self]


_TRAP_WORDS = {
    TrapKind.ASSERTION: "assertion failed",
    TrapKind.DIVISION: "division by zero, or of the smallest value by minus one",
    TrapKind.TRAP: "trap() reached",
    TrapKind.BOUNDS: "array index out of range",
    TrapKind.NULL: "null pointer used",
    TrapKind.SHIFT: "shift count out of range",
    TrapKind.CAST: "cast changes the value",
    TrapKind.ALIGNMENT: "atomic access to an unaligned address",
}


@dataclass(frozen=True)
class Trap(Statement):
    """Stop here, for ever."""

    kind: TrapKind


@dataclass(frozen=True)
class Check(Statement):
    """``assert``: stop unless the test holds, in every build."""

    test: Expression


@dataclass(frozen=True)
class If(Statement):
    """A branch."""

    test: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


@dataclass(frozen=True)
class While(Statement):
    """A loop; ``forever`` if its test is the constant True."""

    test: Expression
    body: tuple[Statement, ...]
    forever: bool


@dataclass(frozen=True)
class ForRange(Statement):
    """``for target in range(start, stop, step)``; the step is a constant, never zero."""

    target: Local
    start: Expression
    stop: Expression
    step: int
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Case:
    """One case of a match: the values it stands for, none for ``case _``."""

    values: tuple[int, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Match(Statement):
    """``match`` over an integer or enum."""

    subject: Expression
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Return(Statement):
    """Leave the function."""

    value: Expression | None


@dataclass(frozen=True)
class Break(Statement):
    """Leave the innermost loop."""


@dataclass(frozen=True)
class Continue(Statement):
    """Go to the innermost loop's next turn."""


@dataclass(frozen=True)
class Pass(Statement):
    """Nothing, but a place for a debugger to stop."""


@dataclass
class Function:
    """A checked function, ready for emission or interpretation."""

    definition: MetalFunction
    parameters: list[Local]
    result: Type
    locals: list[Local] = field(default_factory=list)
    body: tuple[Statement, ...] = ()
    line: int = 0
    calls: set[MetalFunction] = field(default_factory=set)
    pointer_calls: set[FunctionType] = field(default_factory=set)
    pushes: int = 0
    """The most bytes that one of its assembly statements pushes."""
    addresses_taken: set[MetalFunction] = field(default_factory=set)
