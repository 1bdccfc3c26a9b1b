"""Formatted output: an f-string becomes calls of its formatter's functions."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from questv.metal import tree
from questv.metal.check import calls, convert, fixes, places
from questv.metal.check.fstrings import fstring
from questv.metal.check.signatures import SignatureError, signature
from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.lang import Formatter
from questv.metal.types import (
    BOOL,
    I64,
    NONE,
    TEXT,
    U8,
    U64,
    FloatType,
    FunctionType,
    IntType,
    PointerType,
    Type,
)

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker

_FORMAT = re.compile(r"(0?)([0-9]{0,2})(x?)")


def statements(c: FunctionChecker, node: ast.Call, formatter: Formatter) -> list[tree.Statement]:
    """The calls that ``formatter(f"...")`` stands for."""
    if len(node.args) != 1 or node.keywords:
        c.error(node, "format-form", "a formatter takes one string", 'write log(f"text {value}")')
    _require_functions(c, node, formatter)
    message = node.args[0]
    _refuse_unformatted(c, node, message)
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


_NAMED = re.compile(r"\{([A-Za-z_]\w*)[^{}]*\}")


def _refuse_unformatted(c: FunctionChecker, node: ast.Call, message: ast.expr) -> None:
    """Refuse a string that only Python could put together, and one whose ``f`` was forgotten."""
    written = fstring(message)
    if written is not None:
        fix = f"write {ast.unparse(node.func)}({written})"
        c.error(message, "format-form", "a formatter takes a string that is written out", fix)
    if isinstance(message, ast.Constant) and isinstance(message.value, str):
        for found in _NAMED.finditer(message.value):
            if found[1] in c.locals or isinstance(c.names.get(found[1]), StaticVariable | int):
                c.error(
                    message,
                    "format-form",
                    f"'{found[0]}' stands in a string without an f, so it shows as it is",
                    f"write an f before the string; braces themselves are {{{{{found[1]}}}}} there",
                )


_TAKES: dict[str, tuple[Type, ...]] = {
    "begin": (),
    "text": (TEXT,),
    "unsigned": (U64, U8, U8, BOOL),
    "signed": (I64, U8),
    "end": (),
}


def _require_functions(c: FunctionChecker, node: ast.Call, formatter: Formatter) -> None:
    """Refuse a formatter whose functions do not take what they are going to be given."""
    for name, types in _TAKES.items():
        function = getattr(formatter, name)
        wanted = FunctionType(types, NONE)
        try:
            found = signature(function).type if isinstance(function, MetalFunction) else None
        except SignatureError as error:
            c.layout_error(node.func, error)
        if found != wanted:
            c.error(
                node.func,
                "formatter-function",
                f"the formatter's '{name}' is {found or 'no metal function'}",
                f"it must be {wanted}",
            )
        calls.refuse_floats(c, node, function)


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
    shown = ast.unparse(node)
    if isinstance(value.type, FloatType):
        message = f"{fixes.article(value.type)} can't be written"
        c.error(node, "format-type", message, f"write a part of it: i64({shown} * 1000.0)")
    fix = f"cast it to an integer: u64({shown})"
    if value.type == TEXT:
        fix = "a string takes no width and no x"
    elif isinstance(value.type, IntType):
        unsigned = f"u{value.type.bits}.wrap({shown})"
        fix = f"a signed integer takes a width alone: cast it, {unsigned}"
    c.error(node, "format-type", f"{fixes.article(value.type)} has no such format", fix)


def _format(c: FunctionChecker, part: ast.FormattedValue) -> tuple[bool, int, int]:
    literals = part.format_spec.values if isinstance(part.format_spec, ast.JoinedStr) else []
    text = "".join(
        str(literal.value) if isinstance(literal, ast.Constant) else "{...}" for literal in literals
    )
    match = _FORMAT.fullmatch(text)
    if part.conversion == ord("r") and not text:
        shown = ast.unparse(part.value)
        c.error(
            part.value,
            "format-form",
            f"neither '{{{shown}!r}}' nor '{{{shown}=}}' is a format of metal",
            f"write {shown}={{{shown}}}",
        )
    if match is None or part.conversion != -1:
        conversion = "" if part.conversion == -1 else f"!{chr(part.conversion)}"
        c.error(
            part.value,
            "format-form",
            f"'{conversion}{text and ':'}{text}' is no format of metal",
            "use nothing, a width such as 8 or 08, x for hexadecimal, or both: 08x",
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
    value = places.path_value(c, node.func)
    if not isinstance(value, Formatter):
        return None
    c.operand(node.func)  # recorded as what the code was made from
    return value
