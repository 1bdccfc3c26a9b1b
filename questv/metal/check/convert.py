"""From what an expression is to the value that its context needs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NoReturn

from questv.metal import tree
from questv.metal.check.known import Known
from questv.metal.check.signatures import SignatureError, signature
from questv.metal.definitions import MetalFunction
from questv.metal.types import (
    BOOL,
    NEVER,
    NONE,
    TEXT,
    CellType,
    EnumType,
    FloatType,
    FunctionType,
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
        return tree.Text(*at, TEXT, value.encode())
    if isinstance(value, MetalFunction):
        return function_address(c, node, value)
    if isinstance(value, int) and isinstance(expected, IntType):
        if not expected.fits(value):
            c.error(
                node,
                "literal-range",
                f"{value} does not fit {expected} ({expected.MIN} to {expected.MAX})",
                f"use a wider type, or {expected}.wrap({value}) for its low {expected.bits} bits",
            )
        return tree.Constant(*at, expected, int(value))
    if isinstance(value, int | float) and isinstance(expected, FloatType):
        c.check_floats(node, expected)
        return tree.Constant(*at, expected, float(value))
    if isinstance(value, int):
        if isinstance(expected, EnumType):
            c.error(
                node,
                "literal-enum",
                f"the number {value} is no {expected}",
                f"name a member, or write {expected}({value})",
            )
        if expected is None:
            c.error(
                node,
                "literal-width",
                f"nothing here says how wide the number {value} is",
                f"write u64({value}), or annotate the variable",
            )
        mismatch(c, node, "a number", expected)
    if isinstance(value, float):
        c.error(
            node,
            "literal-width",
            f"nothing here says how wide the number {value} is",
            f"write f64({value}), or annotate the variable",
        )
    c.error(
        node,
        "no-value",
        f"'{ast.unparse(node)}' is no value that exists at run time",
        "use a number, a variable, a table made with constant() or a metal function",
    )


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
    fix = f"use a value of type {expected}"
    if (isinstance(found, IntType) and isinstance(expected, IntType)) or (
        isinstance(found, EnumType) and isinstance(expected, IntType)
    ):
        fix = f"cast it: {expected}({ast.unparse(node)})"
    elif found in (NONE, NEVER):
        fix = "this call returns nothing: call it as a statement of its own"
    elif isinstance(expected, FunctionType):
        fix = "the function's parameters and result must be exactly these"
    shown = found if isinstance(found, str) else article(found)
    c.error(node, "wrong-type", f"this is {shown}, but {article(expected)} is needed here", fix)


def article(type_: Type) -> str:
    """A type's name with its article."""
    name = str(type_)
    if name in ("None", "NoReturn"):
        return "nothing"
    return f"an {name}" if name[0] in "aeiAEIO" or name[:2] == "u8" else f"a {name}"
