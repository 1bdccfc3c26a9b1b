"""Formatted output: an f-string becomes calls of its formatter's functions."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from questv.metal import tree
from questv.metal.check import convert
from questv.metal.check.known import Known
from questv.metal.definitions import MetalFunction
from questv.metal.lang import Formatter
from questv.metal.types import BOOL, I64, NONE, TEXT, U8, U64, IntType, PointerType

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker

_FORMAT = re.compile(r"(0?)(\d{0,2})(x?)")


def statements(c: FunctionChecker, node: ast.Call, formatter: Formatter) -> list[tree.Statement]:
    """The calls that ``formatter(f"...")`` stands for."""
    if len(node.args) != 1 or node.keywords:
        c.error(node, "format-form", "a formatter takes one string", 'write log(f"text {value}")')
    message = node.args[0]
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    made = [_call(c, node, formatter.begin)]
    for part in parts:
        made.append(
            _formatted(c, part, formatter)
            if isinstance(part, ast.FormattedValue)
            else _call(c, node, formatter.text, c.value(part, TEXT))
        )
    made.append(_call(c, node, formatter.end))
    return made


def _formatted(
    c: FunctionChecker, part: ast.FormattedValue, formatter: Formatter
) -> tree.Statement:
    node = part.value
    zeros, width, base = _format(c, part)
    value = convert.to_value(c, node, c.operand(node, U64), U64)
    at = (node.lineno, node.col_offset + 1)
    size = tree.Constant(*at, U8, width)
    if value.type == TEXT and not (zeros or width or base == 16):
        return _call(c, node, formatter.text, value)
    if isinstance(value.type, IntType) and value.type.signed and base == 10 and not zeros:
        return _call(c, node, formatter.signed, _cast(value, I64), size)
    if isinstance(value.type, PointerType) or (
        isinstance(value.type, IntType) and not value.type.signed
    ):
        return _call(
            c,
            node,
            formatter.unsigned,
            _cast(value, U64),
            tree.Constant(*at, U8, base),
            size,
            tree.Constant(*at, BOOL, int(zeros)),
        )
    c.error(
        node,
        "format-type",
        f"{value.type} can't be formatted like this",
        "format integers, pointers and strings; cast the rest",
    )


def _format(c: FunctionChecker, part: ast.FormattedValue) -> tuple[bool, int, int]:
    spec = part.format_spec
    text = ""
    if isinstance(spec, ast.JoinedStr) and spec.values:
        literal = spec.values[0]
        text = str(literal.value) if isinstance(literal, ast.Constant) else "?"
    match = _FORMAT.fullmatch(text)
    if match is None or part.conversion != -1:
        c.error(
            part.value,
            "format-form",
            f"the format '{text or '!'}' is not known",
            "use nothing, a width such as 8 or 08, and x for hexadecimal",
        )
    return bool(match[1]), int(match[2] or 0), 16 if match[3] else 10


def _cast(value: tree.Expression, to: IntType) -> tree.Expression:
    if value.type == to:
        return value
    return tree.Cast(value.line, value.column, to, value, exact=False)


def _call(
    c: FunctionChecker, node: ast.expr, function: MetalFunction, *arguments: tree.Expression
) -> tree.Statement:
    at = (node.lineno, node.col_offset + 1)
    c.tree.calls.add(function)
    return tree.Evaluate(*at, tree.Call(*at, NONE, function, arguments))


def formatter_of(c: FunctionChecker, node: ast.Call) -> Formatter | None:
    """The formatter that a statement calls, if it calls one."""
    if isinstance(node.func, ast.Name) and node.func.id not in c.locals:
        operand = c.operand(node.func)
        if isinstance(operand, Known) and isinstance(operand.value, Formatter):
            return operand.value
    return None
