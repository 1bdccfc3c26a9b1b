"""Expression nodes: each can write itself and run itself.

``text(typed)`` is the source; ``typed`` says that the context tells a bare number its width.
``run(frame)`` is the value: an integer, a truth value, a pointer's (memory, index), or the memory
of an aggregate. What can be assigned to has ``place(frame)``: a container of the model and a key.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .model import U64, Boolean, Frame, Int, Pointer, Record, Table, Trap, Type

if TYPE_CHECKING:
    from .program import Function


@dataclass(frozen=True, eq=False)
class Expression:
    type: Type

    def text(self, typed: bool) -> str:
        raise NotImplementedError

    def run(self, frame: Frame) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Literal(Expression):
    """A constant; ``bare`` ones leave their width to the context, where it tells."""

    value: int
    bare: bool
    spelling: str

    def text(self, typed: bool) -> str:
        if isinstance(self.type, Boolean) or (typed and self.bare):
            return self.spelling
        return f"{self.type.name}({self.spelling})"

    def run(self, frame: Frame) -> int:
        return self.value


@dataclass(frozen=True, eq=False)
class Local(Expression):
    """A local variable, scalar or aggregate."""

    name: str

    def text(self, typed: bool) -> str:
        return self.name

    def place(self, frame: Frame) -> tuple[Any, Any]:
        return frame.values, self.name

    def run(self, frame: Frame) -> Any:
        return frame.values[self.name]


@dataclass(frozen=True, eq=False)
class Static(Expression):
    """A module-level variable."""

    name: str

    def text(self, typed: bool) -> str:
        return self.name

    def place(self, frame: Frame) -> tuple[Any, Any]:
        return frame.machine.statics[self.name], 0

    def run(self, frame: Frame) -> Any:
        memory = frame.machine.statics[self.name]
        return memory if isinstance(self.type, Table | Record) else memory[0]


@dataclass(frozen=True, eq=False)
class Member(Expression):
    """A field of a struct."""

    base: Expression
    name: str

    def text(self, typed: bool) -> str:
        return f"{self.base.text(False)}.{self.name}"

    def place(self, frame: Frame) -> tuple[Any, Any]:
        return self.base.run(frame)[self.name], 0

    def run(self, frame: Frame) -> Any:
        memory = self.base.run(frame)[self.name]
        return memory if isinstance(self.type, Table | Record) else memory[0]


@dataclass(frozen=True, eq=False)
class Element(Expression):
    """An element of an array, or what a pointer points to."""

    base: Expression
    index: Expression

    def text(self, typed: bool) -> str:
        return f"{self.base.text(False)}[{self.index.text(True)}]"

    def place(self, frame: Frame) -> tuple[Any, Any]:
        base = self.base.run(frame)
        index = self.index.run(frame)
        if isinstance(self.base.type, Pointer):
            return frame.machine.target(base, index)
        return base, frame.machine.element(base, index)

    def run(self, frame: Frame) -> Any:
        memory, index = self.place(frame)
        return memory[index]


@dataclass(frozen=True, eq=False)
class PointerTo(Expression):
    """``ptr(place)``."""

    target: Local | Static | Member | Element

    def text(self, typed: bool) -> str:
        return f"ptr({self.target.text(False)})"

    def run(self, frame: Frame) -> tuple[Any, Any]:
        if isinstance(self.target.type, Record):
            return [self.target.run(frame)], 0
        return self.target.place(frame)


@dataclass(frozen=True, eq=False)
class Null(Expression):
    """A null pointer."""

    def text(self, typed: bool) -> str:
        return f"{self.type.name}(0)"

    def run(self, frame: Frame) -> None:
        return None


@dataclass(frozen=True, eq=False)
class IsNull(Expression):
    """``pointer.is_null()``."""

    pointer: Expression

    def text(self, typed: bool) -> str:
        return f"{self.pointer.text(False)}.is_null()"

    def run(self, frame: Frame) -> bool:
        return self.pointer.run(frame) is None


# ---- operators -------------------------------------------------------------------------------


def apply(frame: Frame, type_: Int, sign: str, left: int, right: int, constant: bool) -> int:
    """An operator applied to two values; ``constant`` says that the right one is written out."""
    if sign in ("<<", ">>"):
        count = type_.pattern(right)
        if count >= type_.bits and frame.machine.checks and not constant:
            raise Trap("SHIFT")
        count %= type_.bits
        return type_.wrap(left << count) if sign == "<<" else left >> count
    if sign in ("//", "%"):
        if right == 0:
            raise Trap("DIVISION")
        if sign == "//" and not type_.fits(left // right):
            raise Trap("DIVISION")
        return left // right if sign == "//" else left % right
    plain: dict[str, Callable[[int, int], int]] = {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "&": operator.and_,
        "|": operator.or_,
        "^": operator.xor,
    }
    return type_.wrap(plain[sign](left, right))


@dataclass(frozen=True, eq=False)
class Binary(Expression):
    """``left sign right``."""

    sign: str
    left: Expression
    right: Expression

    def text(self, typed: bool) -> str:
        left, right = both(self.left, self.right)
        return f"({left} {self.sign} {right})"

    def run(self, frame: Frame) -> int:
        assert isinstance(self.type, Int)
        left, right = self.left.run(frame), self.right.run(frame)
        return apply(frame, self.type, self.sign, left, right, isinstance(self.right, Literal))


def both(left: Expression, right: Expression) -> tuple[str, str]:
    """Two operands of one type: at most one of them is bare."""
    lone = not isinstance(right, Literal)
    return left.text(lone and isinstance(left, Literal)), right.text(not isinstance(left, Literal))


@dataclass(frozen=True, eq=False)
class Unary(Expression):
    """``-x``, ``~x`` or ``+x``."""

    sign: str
    operand: Expression

    def text(self, typed: bool) -> str:
        return f"({self.sign}{self.operand.text(False)})"

    def run(self, frame: Frame) -> int:
        assert isinstance(self.type, Int)
        value = self.operand.run(frame)
        return self.type.wrap({"-": -value, "~": ~value, "+": value}[self.sign])


@dataclass(frozen=True, eq=False)
class Compare(Expression):
    """A chain of comparisons; the first operand is never a bare number."""

    operands: Sequence[Expression]
    signs: Sequence[str]

    def text(self, typed: bool) -> str:
        parts = [self.operands[0].text(False)]
        for sign, operand in zip(self.signs, self.operands[1:], strict=True):
            parts += [sign, operand.text(not isinstance(self.operands[0], Literal))]
        return f"({' '.join(parts)})"

    def run(self, frame: Frame) -> bool:
        tests: dict[str, Callable[[Any, Any], bool]] = {
            "==": operator.eq,
            "!=": operator.ne,
            "<": operator.lt,
            "<=": operator.le,
            ">": operator.gt,
            ">=": operator.ge,
        }
        left = self.operands[0].run(frame)
        for sign, operand in zip(self.signs, self.operands[1:], strict=True):
            right = operand.run(frame)
            if not tests[sign](left, right):
                return False
            left = right
        return True


@dataclass(frozen=True, eq=False)
class Logic(Expression):
    """``and`` or ``or`` of several."""

    conjunction: bool
    operands: Sequence[Expression]

    def text(self, typed: bool) -> str:
        word = " and " if self.conjunction else " or "
        return f"({word.join(operand.text(False) for operand in self.operands)})"

    def run(self, frame: Frame) -> bool:
        for operand in self.operands:
            if operand.run(frame) != self.conjunction:
                return not self.conjunction
        return self.conjunction


@dataclass(frozen=True, eq=False)
class Not(Expression):
    """``not x``."""

    operand: Expression

    def text(self, typed: bool) -> str:
        return f"(not {self.operand.text(False)})"

    def run(self, frame: Frame) -> bool:
        return not self.operand.run(frame)


@dataclass(frozen=True, eq=False)
class Conditional(Expression):
    """``chosen if test else other``."""

    test: Expression
    chosen: Expression
    other: Expression

    def text(self, typed: bool) -> str:
        chosen, other = both(self.chosen, self.other)
        return f"({chosen} if {self.test.text(False)} else {other})"

    def run(self, frame: Frame) -> Any:
        return self.chosen.run(frame) if self.test.run(frame) else self.other.run(frame)


@dataclass(frozen=True, eq=False)
class Cast(Expression):
    """``T(x)``, which a debug build checks, or ``T.wrap(x)``."""

    operand: Expression
    exact: bool

    def text(self, typed: bool) -> str:
        how = "" if self.exact else ".wrap"
        return f"{self.type.name}{how}({self.operand.text(False)})"

    def run(self, frame: Frame) -> int:
        assert isinstance(self.type, Int)
        value = int(self.operand.run(frame))
        if self.exact and frame.machine.checks and not self.type.fits(value):
            raise Trap("CAST")
        return self.type.wrap(value)


# ---- intrinsics ------------------------------------------------------------------------------

INTRINSICS: dict[str, tuple[int, Callable[..., int]]] = {
    "multiply_high": (2, lambda type_, a, b: (a * b) >> type_.bits),
    "leading_zeros": (1, lambda type_, a: type_.bits - a.bit_length()),
    "trailing_zeros": (1, lambda type_, a: (a & -a).bit_length() - 1 if a else type_.bits),
    "count_ones": (1, lambda type_, a: a.bit_count()),
    "byte_swap": (1, lambda type_, a: int.from_bytes(a.to_bytes(type_.size, "big"), "little")),
}


@dataclass(frozen=True, eq=False)
class Intrinsic(Expression):
    """An operation on unsigned integers that has no operator, or ``min`` or ``max``."""

    name: str
    operands: Sequence[Expression]

    def text(self, typed: bool) -> str:
        if len(self.operands) == 2:
            return f"{self.name}({', '.join(both(*self.operands))})"
        return f"{self.name}({self.operands[0].text(False)})"

    def run(self, frame: Frame) -> int:
        values = [operand.run(frame) for operand in self.operands]
        if self.name in ("min", "max"):
            return (min if self.name == "min" else max)(values)
        return INTRINSICS[self.name][1](self.type, *values)


# ---- calls -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Call(Expression):
    """A call of a function or method of the module."""

    function: Function
    arguments: Sequence[Expression]

    def text(self, typed: bool) -> str:
        given = [argument.text(True) for argument in self.arguments]
        if self.function.method is not None:
            return f"{given[0]}.{self.function.name}({', '.join(given[1:])})"
        return f"{self.function.name}({', '.join(given)})"

    def run(self, frame: Frame) -> Any:
        return self.function.call(frame.machine, [part.run(frame) for part in self.arguments])


@dataclass(frozen=True, eq=False)
class TableCall(Expression):
    """A call through an element of a table of functions."""

    table: str
    functions: Sequence[Function]
    index: Expression
    arguments: Sequence[Expression]

    def text(self, typed: bool) -> str:
        given = ", ".join(argument.text(True) for argument in self.arguments)
        return f"{self.table}[{self.index.text(True)}]({given})"

    def run(self, frame: Frame) -> Any:
        index = frame.machine.element(list(self.functions), self.index.run(frame))
        arguments = [part.run(frame) for part in self.arguments]
        return self.functions[index].call(frame.machine, arguments)


@dataclass(frozen=True, eq=False)
class ChosenCall(Expression):
    """A call of one of two functions; which one is worked out before the arguments."""

    test: Expression
    chosen: Function
    other: Function
    arguments: Sequence[Expression]

    def text(self, typed: bool) -> str:
        given = ", ".join(argument.text(True) for argument in self.arguments)
        test = self.test.text(False)
        return f"({self.chosen.name} if {test} else {self.other.name})({given})"

    def run(self, frame: Frame) -> Any:
        function = self.chosen if self.test.run(frame) else self.other
        arguments = [part.run(frame) for part in self.arguments]
        return function.call(frame.machine, arguments)


@dataclass(frozen=True, eq=False)
class CellCall(Expression):
    """One access to an atomic or volatile variable that yields its value before."""

    cell: str
    operation: str
    arguments: Sequence[Expression]
    order: str

    def text(self, typed: bool) -> str:
        given = [argument.text(True) for argument in self.arguments]
        given += [self.order] if self.order else []
        return f"{self.cell}.{self.operation}({', '.join(given)})"

    def run(self, frame: Frame) -> int:
        assert isinstance(self.type, Int)
        given = [argument.run(frame) for argument in self.arguments]
        memory = frame.machine.statics[self.cell]
        before: int = memory[0]
        signs = {"add": "+", "subtract": "-", "and_": "&", "or_": "|", "xor": "^"}
        if self.operation in signs:
            memory[0] = apply(frame, self.type, signs[self.operation], before, given[0], False)
        elif self.operation == "swap":
            memory[0] = given[0]
        elif self.operation == "compare_swap" and before == given[0]:
            memory[0] = given[1]
        return before


@dataclass(frozen=True, eq=False)
class Note(Expression):
    """A call that leaves a trace of when it happened, and yields its argument."""

    tag: int
    operand: Expression

    def text(self, typed: bool) -> str:
        return f"note_{self.type.name}({self.tag}, {self.operand.text(True)})"

    def run(self, frame: Frame) -> int:
        value: int = self.operand.run(frame)
        trace = frame.machine.statics["trace"]
        trace[0] = U64.wrap(trace[0] * 31 + self.tag + U64.wrap(value))
        return value
