"""Values in registers: what operators, casts and intrinsics make of them.

A value is a Python integer: of an integer or enum its number, of a truth value 0 or 1, of
everything else its address. What stops the program is reported as its reason, a TrapKind.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from questv.metal.interpret.faults import UnsupportedError
from questv.metal.tree import BinaryOperator, Comparison, Intrinsic, TrapKind, UnaryOperator
from questv.metal.types import BOOL, U64, EnumType, FloatType, IntType, Type, is_aggregate

ADDRESSES = 1 << 64
"""How many addresses there are; arithmetic on them wraps."""


def integer_type(type_: Type) -> IntType:
    """The integer type that carries values of ``type_``, which is no truth value."""
    if isinstance(type_, FloatType):
        raise UnsupportedError("floating point")
    if isinstance(type_, EnumType):
        return type_.base
    return type_ if isinstance(type_, IntType) else U64


def size_in_memory(type_: Type) -> int:
    """The bytes that a value of ``type_`` takes; an aggregate's value is its address."""
    return 8 if is_aggregate(type_) else type_.size


def from_memory(type_: Type, bits: int) -> int:
    """A value as read from memory, where it is an unsigned number."""
    return int(bits != 0) if type_ == BOOL else integer_type(type_).wrap(bits)


def to_memory(type_: Type, value: int) -> int:
    """A value as an unsigned number."""
    return value & (1 << size_in_memory(type_) * 8) - 1


_PLAIN: dict[BinaryOperator, Callable[[int, int], int]] = {
    BinaryOperator.ADD: operator.add,
    BinaryOperator.SUBTRACT: operator.sub,
    BinaryOperator.MULTIPLY: operator.mul,
    BinaryOperator.AND: operator.and_,
    BinaryOperator.OR: operator.or_,
    BinaryOperator.XOR: operator.xor,
}


def binary(
    kind: BinaryOperator, type_: Type, left: int, right: int, *, checks: bool
) -> int | TrapKind:
    """An operator applied to two values of ``type_``; ``checks`` is a debug build."""
    base = integer_type(type_)
    if kind in _PLAIN:
        return base.wrap(_PLAIN[kind](left, right))
    if kind in (BinaryOperator.SHIFT_LEFT, BinaryOperator.SHIFT_RIGHT):
        if checks and not 0 <= right < base.bits:
            return TrapKind.SHIFT
        count = right & base.bits - 1
        return base.wrap(left << count) if kind is BinaryOperator.SHIFT_LEFT else left >> count
    if right == 0:
        return TrapKind.DIVISION
    if kind is BinaryOperator.REMAINDER:
        return left % right
    return left // right if base.fits(left // right) else TrapKind.DIVISION


def unary(kind: UnaryOperator, type_: Type, value: int) -> int:
    """An operator applied to one value of ``type_``."""
    if kind is UnaryOperator.NOT:
        return 1 - value
    return integer_type(type_).wrap(-value if kind is UnaryOperator.NEGATE else ~value)


_TESTS: dict[Comparison, Callable[[int, int], bool]] = {
    Comparison.EQ: operator.eq,
    Comparison.NE: operator.ne,
    Comparison.LT: operator.lt,
    Comparison.LE: operator.le,
    Comparison.GT: operator.gt,
    Comparison.GE: operator.ge,
}


def compare(kind: Comparison, left: int, right: int) -> bool:
    """A comparison of two values of one type."""
    return _TESTS[kind](left, right)


def cast(source: Type, to: Type, value: int, *, exact: bool) -> int | TrapKind:
    """A value of ``source`` as one of ``to``; ``exact`` refuses to change the number."""
    if source != BOOL:
        integer_type(source)
    result = integer_type(to).wrap(value)
    return TrapKind.CAST if exact and result != value else result


def intrinsic(kind: Intrinsic, type_: Type, values: tuple[int, ...]) -> int:
    """What an intrinsic over integers yields; the others concern memory."""
    base, first = integer_type(type_), values[0]
    match kind:
        case Intrinsic.MINIMUM:
            return min(values)
        case Intrinsic.MAXIMUM:
            return max(values)
        case Intrinsic.MULTIPLY_HIGH:
            return first * values[1] >> base.bits
        case Intrinsic.LEADING_ZEROS:
            return base.bits - first.bit_length()
        case Intrinsic.TRAILING_ZEROS:
            return (first & -first).bit_length() - 1 if first else base.bits
        case Intrinsic.COUNT_ONES:
            return first.bit_count()
        case Intrinsic.BYTE_SWAP:
            return int.from_bytes(first.to_bytes(base.size, "little"), "big")
    raise AssertionError(kind)
