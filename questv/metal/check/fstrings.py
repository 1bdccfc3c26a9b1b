"""The f-string for what Python's other ways of putting strings together say."""

from __future__ import annotations

import ast
import re

_PERCENT = re.compile(r"%(0?\d*)l*([diuxsX%])")
_BRACES = re.compile(r"\{(?::([^{}]*))?\}")


def fstring(node: ast.expr) -> str | None:
    """The source of an f-string like ``node``; None if ``node`` is no such expression.

    It may be ``"..." % ...``, ``"...".format(...)``, ``"..." + ...`` or ``str(...)``.
    """
    values = _values(node)
    if values is None or isinstance(node, ast.Constant | ast.JoinedStr):
        return None
    text = ast.unparse(ast.JoinedStr(values))
    inside = text[2:-1]
    return text if "'" in inside or '"' in inside else f'f"{inside}"'


def _values(node: ast.expr) -> list[ast.expr] | None:
    """The parts of the f-string."""
    match node:
        case ast.Constant(value=str()):
            return [node]
        case ast.JoinedStr():
            return node.values
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            right = node.right
            arguments = right.elts if isinstance(right, ast.Tuple) else [right]
            return _filled(_PERCENT, text, arguments)
        case ast.BinOp(op=ast.Add()):
            left, right_values = _values(node.left), _values(node.right)
            if left is None and right_values is None:
                return None
            return [*(left or [_value(node.left)]), *(right_values or [_value(node.right)])]
        case ast.Call(func=ast.Name(id="str"), args=[argument]):
            return [_value(argument)]
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return _filled(_BRACES, text, node.args)
    return None


def _filled(places: re.Pattern[str], text: str, arguments: list[ast.expr]) -> list[ast.expr] | None:
    """``text`` with the arguments in its ``places``; None if they are not as many."""
    made: list[ast.expr] = []
    left = list(arguments)
    end = 0
    for found in places.finditer(text):
        made.append(ast.Constant(text[end : found.start()]))
        end = found.end()
        if found[0] == "%%":
            made.append(ast.Constant("%"))
        elif left:
            made.append(_value(left.pop(0), _format(found)))
        else:
            return None
    return None if left else [*made, ast.Constant(text[end:])]


def _format(found: re.Match[str]) -> str:
    if found.re is _BRACES:
        return found[1] or ""
    return found[1] + ("x" if found[2] in "xX" else "")


def _value(node: ast.expr, format_: str = "") -> ast.expr:
    spec = ast.JoinedStr([ast.Constant(format_)]) if format_ else None
    return ast.FormattedValue(node, -1, spec)
