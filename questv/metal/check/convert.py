"""From what an expression is to the value that its context needs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NoReturn

from questv.metal import tree
from questv.metal.check import fixes
from questv.metal.check.fixes import article
from questv.metal.check.known import Known
from questv.metal.check.signatures import SignatureError, signature
from questv.metal.definitions import MetalFunction
from questv.metal.types import (
    BOOL,
    TEXT,
    CellType,
    EnumType,
    FloatType,
    IntType,
    Type,
    is_aggregate,
)

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker, Operand


def to_value(
    c: FunctionChecker, node: ast.expr, operand: Operand, expected: Type | None
) -> tree.Expression:
    """The value of an operand: what lies at a place, or a compile-time value given a type."""
    if isinstance(operand, Known):
        return known_value(c, node, operand, expected)
    if isinstance(operand, tree.Place):
        return place_value(c, node, operand)
    return operand


def adapted(c: FunctionChecker, node: ast.expr, operand: Operand, type_: Type) -> tree.Expression:
    """The value of an operand whose neighbour has ``type_``, which a bare number takes.

    The number is worked out anew, since the width of ``~0`` is that of its context.
    """
    if isinstance(operand, Known) and operand.is_number:
        operand = c.operand(node, type_)
    return to_value(c, node, operand, type_)


def place_value(c: FunctionChecker, node: ast.AST, place: tree.Place) -> tree.Expression:
    """The scalar at a place, or a reference to the aggregate there."""
    if is_aggregate(place.type):
        if isinstance(place, tree.PointerPlace) and place.index is None and place.reference:
            return place.pointer
        return tree.Reference(place.line, place.column, place.type, place)
    if isinstance(place.type, CellType):
        methods = "read() and write()"
        if place.type.kind.value in ("Atomic", "Shared"):
            methods = "load(order) and store(value, order)"
        c.error(
            node,
            "cell-plain",
            f"{place.type} can't be used plainly",
            f"use its methods, such as {methods}",
        )
    c.check_floats(node, place.type)
    return tree.Load(place.line, place.column, place.type, place)


def known_value(
    c: FunctionChecker, node: ast.expr, known: Known, expected: Type | None
) -> tree.Expression:
    """A compile-time value as a constant of the type that its context asks for."""
    at = (node.lineno, node.col_offset + 1)
    value = known.value
    own = known.enum_type
    if own is not None:
        return tree.Constant(*at, own, int(value))
    if isinstance(value, bool):
        return tree.Constant(*at, BOOL, int(value))
    if isinstance(value, str):
        return _text(c, node, value)
    if isinstance(value, MetalFunction):
        return function_address(c, node, value)
    if isinstance(value, int) and isinstance(expected, IntType):
        return integer_constant(c, node, value, expected)
    if isinstance(value, int | float) and isinstance(expected, FloatType):
        return float_constant(c, node, value, expected)
    if isinstance(value, int):
        if isinstance(expected, EnumType):
            c.error(
                node,
                "literal-enum",
                f"the number {spelt(value)} is no {expected}",
                f"name a member, or write {expected}({spelt(value)})",
            )
        if expected is None:
            c.error(
                node,
                "literal-width",
                f"nothing here says how wide the number {spelt(value)} is",
                f"write u64({spelt(value)}) or another type, or annotate the variable",
            )
        mismatch(c, node, "a number", expected)
    if isinstance(value, float):
        if isinstance(expected, IntType):
            c.error(
                node,
                "wrong-type",
                f"the number {value} is a float, but {article(expected)} is needed here",
                fixes.whole(value),
            )
        fix = f"write f64({value}), or annotate the variable"
        if not c.definition.floats:
            instead = fixes.whole(value, "u64({})")
            fix = f"{instead}; {c.definition.name} is compiled without floating point"
        c.error(
            node,
            "literal-width",
            f"nothing here says how wide the number {value} is",
            fix,
        )
    c.error(
        node,
        "no-value",
        f"'{ast.unparse(node)}' is no value that exists at run time",
        "use a number, a variable, a table made with constant() or a metal function",
    )


def spelt(value: int) -> str:
    """A number for a message: one of thousands of digits is not written out."""
    return str(value) if value.bit_length() <= 128 else f"of {value.bit_length()} bits"


def integer_constant(
    c: FunctionChecker, node: ast.expr, value: int, type_: IntType | EnumType
) -> tree.Constant:
    """An integer of ``type_``, which must hold it."""
    base = type_.base if isinstance(type_, EnumType) else type_
    if not base.fits(value):
        shown = int(value) if value.bit_length() <= 64 else "..."
        c.error(
            node,
            "literal-range",
            f"the number {spelt(value)} does not fit {type_} ({base.MIN} to {base.MAX})",
            f"use a wider type, or {base}.wrap({shown}) for its low {base.bits} bits",
        )
    return tree.Constant(node.lineno, node.col_offset + 1, type_, int(value))


def float_constant(
    c: FunctionChecker, node: ast.expr, value: int | float, type_: FloatType
) -> tree.Constant:
    """A float of ``type_``, as near to the number as there is one."""
    c.check_floats(node, type_)
    try:
        number = type_.nearest(value)
    except OverflowError:
        c.error(
            node,
            "literal-range",
            f"this number is too large for {type_}",
            "use a wider type or a smaller number",
        )
    return tree.Constant(node.lineno, node.col_offset + 1, type_, number)


def _text(c: FunctionChecker, node: ast.expr, value: str) -> tree.Text:
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        c.error(
            node,
            "text-encoding",
            f"this string has no UTF-8 form: {error.reason}",
            "leave out the lone surrogate",
        )
    return tree.Text(node.lineno, node.col_offset + 1, TEXT, encoded)


def function_address(
    c: FunctionChecker, node: ast.expr, function: MetalFunction
) -> tree.FunctionAddress:
    """The address of a function as a value."""
    try:
        type_ = signature(function).type
    except SignatureError as error:
        c.layout_error(node, error)
    if function.inline:
        c.error(
            node,
            "inline-address",
            f"{function.name} is copied into its callers and has no address",
            "drop inline=True from it",
        )
    c.tree.addresses_taken.add(function)
    return tree.FunctionAddress(node.lineno, node.col_offset + 1, type_, function)


def to_boolean(c: FunctionChecker, node: ast.expr, operand: Operand) -> tree.Expression:
    """A value that can be tested."""
    value = to_value(c, node, operand, None if _is_truth(operand) else BOOL)
    if value.type != BOOL:
        c.error(
            node,
            "not-a-boolean",
            f"this is {article(value.type)}, not a truth value",
            "compare it, for example with != 0",
        )
    return value


def _is_truth(operand: Operand) -> bool:
    return not isinstance(operand, Known) or isinstance(operand.value, bool)


def mismatch(c: FunctionChecker, node: ast.expr, found: Type | str, expected: Type) -> NoReturn:
    """Report a value of another type than its context asks for."""
    shown = found if isinstance(found, str) else article(found)
    message = f"this is {shown}, but {article(expected)} is needed here"
    c.error(node, "wrong-type", message, fixes.for_value(node, found, expected))
