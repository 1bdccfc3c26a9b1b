"""Operators: arithmetic, comparison, logic, and the choice between two values."""

from __future__ import annotations

import ast
import enum
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from questv.metal import tree
from questv.metal.check import convert, fixes
from questv.metal.check.known import Known
from questv.metal.tree import BinaryOperator, Comparison, UnaryOperator
from questv.metal.types import (
    BOOL,
    BoolType,
    EnumType,
    FloatType,
    FunctionType,
    IntType,
    PointerType,
    TextType,
    Type,
    is_aggregate,
)

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker, Operand

BINARY: dict[type[ast.operator], BinaryOperator] = {
    ast.Add: BinaryOperator.ADD,
    ast.Sub: BinaryOperator.SUBTRACT,
    ast.Mult: BinaryOperator.MULTIPLY,
    ast.Div: BinaryOperator.DIVIDE,
    ast.FloorDiv: BinaryOperator.FLOOR_DIVIDE,
    ast.Mod: BinaryOperator.REMAINDER,
    ast.BitAnd: BinaryOperator.AND,
    ast.BitOr: BinaryOperator.OR,
    ast.BitXor: BinaryOperator.XOR,
    ast.LShift: BinaryOperator.SHIFT_LEFT,
    ast.RShift: BinaryOperator.SHIFT_RIGHT,
}
COMPARISONS: dict[type[ast.cmpop], Comparison] = {
    ast.Eq: Comparison.EQ,
    ast.NotEq: Comparison.NE,
    ast.Lt: Comparison.LT,
    ast.LtE: Comparison.LE,
    ast.Gt: Comparison.GT,
    ast.GtE: Comparison.GE,
}
FOLDS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
FLAG_OPERATORS = {BinaryOperator.AND, BinaryOperator.OR, BinaryOperator.XOR}
FLOAT_OPERATORS = {
    BinaryOperator.ADD,
    BinaryOperator.SUBTRACT,
    BinaryOperator.MULTIPLY,
    BinaryOperator.DIVIDE,
}
SHIFTS = {BinaryOperator.SHIFT_LEFT, BinaryOperator.SHIFT_RIGHT}


def binary(c: FunctionChecker, node: ast.BinOp, expected: Type | None) -> Operand:
    """``left op right``."""
    left, right = c.operand(node.left, expected), c.operand(node.right, expected)
    if isinstance(left, Known) and isinstance(right, Known):
        return _fold(c, node, left, right)
    return combine(c, node, _kind(c, node), (node.left, left), (node.right, right))


def _kind(c: FunctionChecker, node: ast.BinOp) -> BinaryOperator:
    kind = BINARY.get(type(node.op))
    if kind is None:
        fix = "write the multiplications out" if isinstance(node.op, ast.Pow) else "call a function"
        c.error(
            node,
            "unsupported-operator",
            "this operator is only there for compile-time numbers",
            fix,
        )
    return kind


def combine(
    c: FunctionChecker,
    node: ast.AST,
    kind: BinaryOperator,
    left_side: tuple[ast.expr, Operand],
    right_side: tuple[ast.expr, Operand],
) -> tree.Binary:
    """Two checked operands, at least one of which has a type, under one operator."""
    left, right = _same_type(c, node, kind, left_side, right_side)
    check_constant_right(c, right_side[0], kind, right)
    line, column = left_side[0].lineno, left_side[0].col_offset + 1
    return tree.Binary(line, column, left.type, kind, left, right)


def check_constant_right(
    c: FunctionChecker, node: ast.expr, kind: BinaryOperator, right: tree.Expression
) -> None:
    """Refuse a constant that certainly goes wrong: an over-long shift, a division by zero."""
    if not isinstance(right, tree.Constant):
        return
    if kind in SHIFTS and isinstance(right.type, IntType):
        if not 0 <= right.value < right.type.bits:
            c.error(
                node,
                "shift-range",
                f"shifting {fixes.article(right.type)} by {right.value} is out of range",
                f"shift by 0 to {right.type.bits - 1}",
            )
    elif kind in (BinaryOperator.FLOOR_DIVIDE, BinaryOperator.REMAINDER) and right.value == 0:
        c.error(node, "zero-division", "this divides by zero", "divide by something else")


def require_operator(c: FunctionChecker, node: ast.AST, kind: BinaryOperator, type_: Type) -> None:
    """Refuse an operator that ``type_`` does not have."""
    if isinstance(type_, IntType) and kind is not BinaryOperator.DIVIDE:
        return
    if isinstance(type_, FloatType) and kind in FLOAT_OPERATORS:
        return
    if isinstance(type_, EnumType) and type_.is_flag and kind in FLAG_OPERATORS:
        return
    fix = "cast to an integer first"
    if kind is BinaryOperator.DIVIDE:
        fix = "use // for whole numbers"
    elif isinstance(type_, TextType):
        fix = 'a formatter puts strings together, as in log(f"{number} of {total}")'
    elif isinstance(type_, PointerType):
        fix = "index the pointer, or compute with u64(pointer)"
    elif isinstance(type_, FloatType):
        fix = "floats have +, -, * and /"
    elif isinstance(type_, BoolType):
        fix = "truth values have and, or, not, == and !="
    elif isinstance(type_, EnumType) and kind in FLAG_OPERATORS:
        fix = "make it an IntFlag if its members combine, or cast to an integer first"
    c.error(node, "no-operator", f"{type_} has no operator {kind.value}", fix)


def _same_type(
    c: FunctionChecker,
    node: ast.AST,
    kind: BinaryOperator,
    left_side: tuple[ast.expr, Operand],
    right_side: tuple[ast.expr, Operand],
) -> tuple[tree.Expression, tree.Expression]:
    """Both operands as values of one type, which has the operator; a number takes the other's."""
    (left_node, left), (right_node, right) = left_side, right_side
    if isinstance(left, Known) and left.is_number:
        second = convert.to_value(c, right_node, right, None)
        require_operator(c, node, kind, second.type)
        first = convert.adapted(c, left_node, left, second.type)
    else:
        first = convert.to_value(c, left_node, left, None)
        require_operator(c, node, kind, first.type)
        second = convert.adapted(c, right_node, right, first.type)
    if first.type != second.type:
        c.error(
            node,
            "mixed-types",
            f"{first.type} and {second.type} do not mix",
            f"cast one of them, for example {_wider(first.type, second.type)}(...)",
        )
    return first, second


def _wider(first: Type, second: Type) -> Type:
    integers = [type_ for type_ in (first, second) if isinstance(type_, IntType)]
    if not integers:
        return first
    return max(integers, key=lambda type_: type_.bits)


def _fold(c: FunctionChecker, node: ast.BinOp, left: Known, right: Known) -> Operand:
    fold = FOLDS.get(type(node.op))
    flags = left.enum_type
    if flags is not None and flags.is_flag and right.enum_type == flags:
        at = (node.lineno, node.col_offset + 1)
        kind = BINARY.get(type(node.op))
        if kind in FLAG_OPERATORS and fold is not None:
            return tree.Constant(*at, flags, fold(int(left.value), int(right.value)))
    if fold is not None and left.is_number and right.is_number:
        return Known(_folded(c, node, fold, _bare(left.value), _bare(right.value)))
    if left.is_number or right.is_number:
        # An enum member and a number: the ordinary rules say why they do not mix.
        return combine(c, node, _kind(c, node), (node.left, left), (node.right, right))
    c.error(
        node,
        "no-operator",
        f"'{ast.unparse(node)}' can't be worked out at compile time",
        "combine numbers, or flags of one kind; prepare other values at module level",
    )


MAX_CONSTANT = 4096
"""The most bits of a constant while it is worked out, so that none takes for ever."""


def _folded(
    c: FunctionChecker, node: ast.BinOp, fold: Callable[[Any, Any], Any], left: Any, right: Any
) -> Any:
    bits = sum(number.bit_length() for number in (left, right) if isinstance(number, int))
    if isinstance(left, int) and isinstance(right, int) and right > 0:
        if isinstance(node.op, ast.LShift):
            bits = left.bit_length() + right
        elif isinstance(node.op, ast.Pow):
            bits = left.bit_length() * right
    try:
        if bits > MAX_CONSTANT:
            raise OverflowError(f"it would have about {bits} bits")
        return fold(left, right)
    except (ArithmeticError, ValueError, TypeError) as error:
        c.error(
            node,
            "constant-error",
            f"'{ast.unparse(node)}' has no value: {error}",
            "mend the constant",
        )


def _bare(value: Any) -> Any:
    """An integer without the class of an enum, so that Python's own arithmetic applies."""
    return int(value) if isinstance(value, enum.IntEnum | enum.IntFlag) else value


def unary(c: FunctionChecker, node: ast.UnaryOp, expected: Type | None) -> Operand:
    """``-x``, ``~x``, ``+x`` and ``not x``."""
    at = (node.lineno, node.col_offset + 1)
    if isinstance(node.op, ast.Not):
        test = c.operand(node.operand)
        if isinstance(test, Known) and isinstance(test.value, bool):
            return Known(not test.value)
        value = convert.to_boolean(c, node.operand, test)
        return tree.Unary(*at, BOOL, UnaryOperator.NOT, value)
    operand = c.operand(node.operand, expected)
    if isinstance(operand, Known) and operand.is_number:
        number = _bare(operand.value)
        if isinstance(node.op, ast.USub):
            return Known(-number)
        if isinstance(node.op, ast.UAdd):
            return Known(+number)
        if isinstance(number, int):
            if isinstance(expected, IntType) and not expected.signed:
                return Known(~number & expected.MAX)
            return Known(~number)
    value = convert.to_value(c, node.operand, operand, expected)
    type_ = value.type
    if isinstance(node.op, ast.UAdd) and isinstance(type_, IntType | FloatType):
        return value
    if isinstance(node.op, ast.USub) and isinstance(type_, IntType | FloatType):
        return tree.Unary(*at, type_, UnaryOperator.NEGATE, value)
    flags = isinstance(type_, EnumType) and type_.is_flag
    if isinstance(node.op, ast.Invert) and (isinstance(type_, IntType) or flags):
        return tree.Unary(*at, type_, UnaryOperator.INVERT, value)
    sign = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}[type(node.op)]
    fix = "write not" if isinstance(type_, BoolType) else "cast to an integer first"
    c.error(node, "no-operator", f"{type_} has no operator {sign}", fix)


def compare(c: FunctionChecker, node: ast.Compare) -> Operand:
    """``a < b <= c``, and ``member in flags``."""
    nodes = [node.left, *node.comparators]
    if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
        return _contains(c, node)
    kinds = []
    for op in node.ops:
        kind = COMPARISONS.get(type(op))
        if kind is None:
            fix = "for identity compare addresses: addr(a) == addr(b)"
            if any(isinstance(part, ast.Constant) and part.value is None for part in nodes):
                fix = f"ask a pointer whether it is null: {ast.unparse(node.left)}.is_null()"
            elif isinstance(op, ast.In | ast.NotIn):
                fix = "compare one after another, joined by 'and'"
            c.error(
                node,
                "unsupported-operator",
                "metal compares with ==, !=, <, <=, > and >=",
                fix,
            )
        kinds.append(kind)
    operands = [c.operand(part) for part in nodes]
    if all(isinstance(part, Known) and part.is_number for part in operands):
        return _fold_comparison(node, [part for part in operands if isinstance(part, Known)])
    typed = next(
        (
            (part, operand)
            for part, operand in zip(nodes, operands, strict=True)
            if not (isinstance(operand, Known) and operand.is_number)
        )
    )
    type_ = convert.to_value(c, *typed, None).type
    values = tuple(
        convert.adapted(c, part, operand, type_)
        for part, operand in zip(nodes, operands, strict=True)
    )
    for value in values:
        if value.type != type_:
            c.error(
                node,
                "mixed-types",
                f"{values[0].type} and {value.type if value is not values[0] else type_} "
                "can't be compared",
                f"cast one of them, for example {_wider(values[0].type, value.type)}(...)",
            )
    ordered = any(kind not in (Comparison.EQ, Comparison.NE) for kind in kinds)
    comparable = isinstance(type_, IntType | FloatType | PointerType) or (
        isinstance(type_, BoolType | EnumType | FunctionType) and not ordered
    )
    if not comparable:
        fix = "compare with == or !=, or cast both to an integer"
        if is_aggregate(type_):
            fix = "compare field by field, or compare addresses: addr(a) == addr(b)"
        elif isinstance(type_, TextType):
            fix = "compare len() and the bytes at text_bytes()"
        c.error(node, "not-comparable", f"{type_} can't be compared like this", fix)
    return tree.Compare(node.lineno, node.col_offset + 1, BOOL, values, tuple(kinds))


def _fold_comparison(node: ast.Compare, known: list[Known]) -> Known:
    tests: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
    }
    numbers = [part.value for part in known]
    return Known(
        all(
            tests[type(op)](left, right)
            for op, left, right in zip(node.ops, numbers, numbers[1:], strict=False)
        )
    )


def _contains(c: FunctionChecker, node: ast.Compare) -> tree.Expression:
    """``FLAG in flags``: whether every bit of FLAG is set."""
    if isinstance(node.comparators[0], ast.Tuple | ast.List | ast.Set):
        c.error(
            node,
            "unsupported-operator",
            "'in' tests a flag in flags, not a value among others",
            "use match, or compare with each: x == 1 or x == 2",
        )
    part = c.value(node.left)
    whole = c.value(node.comparators[0])
    if not (isinstance(part.type, EnumType) and part.type.is_flag and part.type == whole.type):
        c.error(
            node,
            "mixed-types",
            f"'in' tests a flag in flags of its own type, not {part.type} in {whole.type}",
            "compare with == instead",
        )
    if not isinstance(part, tree.Constant):
        c.error(
            node.left,
            "flag-constant",
            "the flag that is tested must be a constant",
            f"write ({ast.unparse(node.comparators[0])} & {ast.unparse(node.left)}) "
            f"{'==' if isinstance(node.ops[0], ast.In) else '!='} {ast.unparse(node.left)}",
        )
    at = (node.lineno, node.col_offset + 1)
    both = tree.Binary(*at, part.type, BinaryOperator.AND, whole, part)
    kind = Comparison.EQ if isinstance(node.ops[0], ast.In) else Comparison.NE
    return tree.Compare(*at, BOOL, (both, part), (kind,))


def logic(c: FunctionChecker, node: ast.BoolOp) -> Operand:
    """``and`` and ``or`` of truth values."""
    conjunction = isinstance(node.op, ast.And)
    operands: list[tree.Expression] = []
    for part in node.values:
        operand = c.operand(part)
        if isinstance(operand, Known) and isinstance(operand.value, bool):
            if operand.value == conjunction:
                continue  # changes nothing
            if not operands:
                return Known(not conjunction)  # decided before anything ran
        operands.append(convert.to_boolean(c, part, operand))
    if not operands:
        return Known(conjunction)
    if len(operands) == 1:
        return operands[0]
    return tree.Logic(node.lineno, node.col_offset + 1, BOOL, conjunction, tuple(operands))


def conditional(c: FunctionChecker, node: ast.IfExp, expected: Type | None) -> Operand:
    """``chosen if test else other``."""
    test = c.operand(node.test)
    if isinstance(test, Known) and isinstance(test.value, bool):
        taken, left = (node.body, node.orelse) if test.value else (node.orelse, node.body)
        with c.aside():
            c.operand(left, expected)
        return c.operand(taken, expected)
    chosen, other = c.operand(node.body, expected), c.operand(node.orelse, expected)
    condition = convert.to_boolean(c, node.test, test)
    if isinstance(chosen, Known) and chosen.is_number:
        second = convert.to_value(c, node.orelse, other, expected)
        first = convert.to_value(c, node.body, chosen, second.type)
    else:
        first = convert.to_value(c, node.body, chosen, expected)
        second = convert.to_value(c, node.orelse, other, first.type)
    if first.type != second.type:
        c.error(
            node,
            "mixed-types",
            f"one branch is {first.type}, the other {second.type}",
            "cast one of them",
        )
    at = (node.lineno, node.col_offset + 1)
    return tree.Conditional(*at, first.type, condition, first, second)
