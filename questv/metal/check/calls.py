"""Calls: of metal functions and methods, through pointers, and the casts that look like calls."""

from __future__ import annotations

import ast
import enum
import time
from collections.abc import Hashable
from typing import TYPE_CHECKING, NoReturn

from questv.metal import tree
from questv.metal.check import cells, convert, fixes, operations, places
from questv.metal.check.known import Known, is_struct
from questv.metal.check.signatures import Signature, SignatureError, signature
from questv.metal.definitions import MetalFunction
from questv.metal.lang import Formatter
from questv.metal.types import (
    BOOL,
    NEVER,
    U64,
    BoolType,
    CellType,
    EnumType,
    FloatType,
    FunctionType,
    IntType,
    LayoutError,
    PointerType,
    Type,
    as_type,
)

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker, Operand


def call(c: FunctionChecker, node: ast.Call) -> Operand:
    """Whatever is written like a call."""
    if isinstance(node.func, ast.Attribute):
        base = c.operand(node.func.value)
        if not isinstance(base, Known):
            return _method_call(c, node, node.func, base)
        if isinstance(base.value, IntType) and node.func.attr == "wrap":
            return _cast(c, node, base.value, exact=False)
    target = c.operand(node.func)
    if not isinstance(target, Known):
        return _pointer_call(c, node, convert.to_value(c, node.func, target, None))
    value = target.value
    if isinstance(value, MetalFunction):
        return _function_call(c, node, value, [])
    if isinstance(value, Formatter):
        c.error(
            node,
            "format-statement",
            "formatted output is a statement of its own",
            "put the call on a line by itself",
        )
    operation = operations.find(value)
    if operation is not None:
        return operation(c, node)
    if isinstance(value, IntType | FloatType | PointerType) or value is bool:
        return _cast(c, node, as_type(value), exact=True)
    if isinstance(value, enum.EnumMeta):
        try:
            return _cast(c, node, as_type(value), exact=True)
        except LayoutError as error:
            c.layout_error(node, error)
    c.error(
        node,
        "not-callable",
        f"'{ast.unparse(node.func)}' can't be called in compiled code",
        _instead(value),
    )


_FOR_PYTHON: dict[object, str] = {
    print: 'a task writes a line with log(f"...")',
    str: 'a formatter shows numbers by itself, as in log(f"{number}")',
    time.sleep: "a task sleeps with sleep_until(now() + nanoseconds)",
    time.time: "a task reads the time with now(), in nanoseconds",
    time.monotonic: "a task reads the time with now(), in nanoseconds",
}
"""What does in a task what a function of Python does."""


def _instead(value: object) -> str:
    """What to do about a call of something that only Python can call."""
    if isinstance(value, Hashable) and value in _FOR_PYTHON:
        return _FOR_PYTHON[value]
    if is_struct(value):
        return "make one as a local, name: Type = local(), or at module level with static()"
    if value is int or value is float:
        return "cast to a type with a width, such as u64(value)"
    if getattr(value, "__module__", "") == "math":
        return "questv.math has functions of this kind; they are for functions with floats=True"
    if getattr(value, "__module__", "") == "builtins":
        return "metal has range, len, min, max and ord; call others at module level"
    return "mark the function @metal, or call it at module level and name the result"


# ---- functions -------------------------------------------------------------------------------


def _function_call(
    c: FunctionChecker, node: ast.Call, function: MetalFunction, given: list[tree.Expression]
) -> tree.Expression:
    try:
        shape = signature(function)
    except SignatureError as error:
        c.layout_error(node, error)
    refuse_floats(c, node, function)
    arguments = _arguments(c, node, function, shape, given)
    c.depend(function.module, function.name, function)
    c.tree.calls.add(function)
    result = tree.Call(node.lineno, node.col_offset + 1, shape.result, function, arguments)
    return _after_call(c, result)


def refuse_floats(c: FunctionChecker, node: ast.Call, function: MetalFunction) -> None:
    """Refuse a call of task code from where floating point's registers are not saved."""
    if function.floats and not c.definition.floats:
        c.error(
            node,
            "floats-forbidden",
            f"{function.name} uses floating point, {c.definition.name} is compiled without it",
            f"{c.floats_mark} too if it is task code",
        )


def _after_call(c: FunctionChecker, result: tree.Expression) -> tree.Expression:
    if result.type == NEVER:
        c.flow.stop()
    return result


def _arguments(
    c: FunctionChecker,
    node: ast.Call,
    function: MetalFunction,
    shape: Signature,
    given: list[tree.Expression],
) -> tuple[tree.Expression, ...]:
    names = [name for name, _ in shape.parameters]
    types = dict(shape.parameters)
    bound: dict[str, tree.Expression] = dict(zip(names, given, strict=False))
    positional = names[len(given) :]
    if len(node.args) > len(positional):
        c.error(
            node,
            "argument-count",
            f"{function.name} takes {operations.counted(len(positional), 'argument')}, "
            f"not {len(node.args)}",
            _usage(function, shape, bool(given)),
        )
    for name, argument in zip(positional, node.args, strict=False):
        bound[name] = c.value(argument, types[name])
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg not in types or keyword.arg in bound:
            c.error(
                keyword.value,
                "argument-name",
                f"{function.name} takes no '{keyword.arg or '**'}' here",
                _usage(function, shape, bool(given)),
            )
        bound[keyword.arg] = c.value(keyword.value, types[keyword.arg])
    missing = [name for name in names if name not in bound]
    if missing:
        c.error(
            node,
            "argument-count",
            f"{function.name} is called without '{missing[0]}'",
            _usage(function, shape, bool(given)),
        )
    if list(bound) != names:
        c.error(
            node,
            "argument-order",
            f"the arguments of {function.name} stand in another order than its parameters",
            _usage(function, shape, bool(given)),
        )
    return tuple(bound.values())


def _usage(function: MetalFunction, shape: Signature, method: bool) -> str:
    parameters = shape.parameters[1:] if method else shape.parameters
    shown = ", ".join(f"{name}: {type_}" for name, type_ in parameters)
    return f"call it as {function.name}({shown})"


def _method_call(c: FunctionChecker, node: ast.Call, func: ast.Attribute, base: Operand) -> Operand:
    assert not isinstance(base, Known)
    if isinstance(base, tree.Place) and isinstance(base.type, CellType):
        return cells.access(c, node, func, base, base.type)
    method = places.method(base.type, func.attr)
    if method is not None:
        return _function_call(c, node, method, [_self(c, func.value, base, method)])
    if isinstance(base.type, PointerType):
        if func.attr == "is_null":
            return _is_null(c, node, convert.to_value(c, func.value, base, None))
        _no_method(c, node, func, base.type)
    place = places.aggregate_place(c, func.value, base)
    if place is not None and func.attr in getattr(place.type, "fields", {}):
        return _pointer_call(c, node, c.value(func))
    _no_method(c, node, func, base.type)


def _self(
    c: FunctionChecker, node: ast.expr, base: Operand, method: MetalFunction
) -> tree.Expression:
    """What a method is called on: a reference to its struct, or that one's address."""
    value = convert.to_value(c, node, base, None)
    try:
        parameters = signature(method).parameters
    except SignatureError as error:
        c.layout_error(node, error)
    if not parameters or parameters[0][1] == value.type:
        return value
    name, wanted = parameters[0]
    place = places.aggregate_place(c, node, base)
    if wanted == U64 and place is not None:
        return tree.Reference(node.lineno, node.col_offset + 1, U64, place)
    c.error(
        node,
        "method-self",
        f"{method.name} can't be called on {fixes.article(value.type)}: its '{name}' is "
        f"{fixes.article(wanted)}",
        "leave the type of self out; a method that serves several structs has self: u64, which is "
        "the struct's address",
    )


def _no_method(c: FunctionChecker, node: ast.Call, func: ast.Attribute, type_: Type) -> NoReturn:
    c.error(
        node,
        "no-method",
        f"{type_} has no method '{func.attr}'",
        fixes.for_method(func, type_),
    )


def _is_null(c: FunctionChecker, node: ast.Call, pointer: tree.Expression) -> tree.Expression:
    operations.no_arguments(c, node)
    at = (node.lineno, node.col_offset + 1)
    null = tree.Constant(*at, pointer.type, 0)
    return tree.Compare(*at, BOOL, (pointer, null), (tree.Comparison.EQ,))


def _pointer_call(c: FunctionChecker, node: ast.Call, target: tree.Expression) -> tree.Expression:
    kind = target.type
    if not isinstance(kind, FunctionType):
        c.error(
            node,
            "not-callable",
            f"{kind} can't be called",
            "call a function, a method, or a pointer to a function: Callable[[...], ...]",
        )
    if node.keywords or len(node.args) != len(kind.parameters):
        c.error(
            node,
            "argument-count",
            f"{kind} takes {operations.counted(len(kind.parameters), 'argument')} by position",
            f"give {len(kind.parameters)}, without names",
        )
    arguments = tuple(
        c.value(argument, type_) for argument, type_ in zip(node.args, kind.parameters, strict=True)
    )
    c.tree.pointer_calls.add(kind)
    at = (node.lineno, node.col_offset + 1)
    return _after_call(c, tree.PointerCall(*at, kind.result, target, kind, arguments))


# ---- casts -----------------------------------------------------------------------------------


def _cast(c: FunctionChecker, node: ast.Call, to: Type, *, exact: bool) -> Operand:
    if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        c.error(node, "cast-form", f"a cast to {to} takes one value", f"write {to}(value)")
    argument = node.args[0]
    operand = c.operand(argument)
    at = (node.lineno, node.col_offset + 1)
    c.check_floats(node, to)
    if isinstance(operand, Known) and operand.is_number:
        return _cast_number(c, node, operand.value, to, exact=exact)
    value = convert.to_value(c, argument, operand, None)
    if not _castable(value.type, to):
        fix = "only integers, enums, floats, booleans and pointers are cast"
        if isinstance(to, BoolType):
            fix = "compare it, for example with != 0"
        elif isinstance(to, PointerType) or isinstance(value.type, PointerType):
            fix = "a pointer is cast to and from u64, and to another pointer"
        c.error(node, "cast-types", f"{value.type} can't be cast to {to}", fix)
    _refuse_plain(c, argument, value.type, to)
    if value.type == to:
        return value
    if isinstance(value, tree.Constant) and isinstance(value.value, int) and _is_integer(to):
        return _cast_number(c, node, value.value, to, exact=exact)
    return tree.Cast(*at, to, value, exact)


def _refuse_plain(c: FunctionChecker, argument: ast.expr, found: Type, to: Type) -> None:
    """Refuse a cast that would let memory of a hostile party be read like one's own."""
    if not (isinstance(found, PointerType) and isinstance(to, PointerType)):
        return
    if fixes.drops_shared(found, to):
        c.error(
            argument,
            "shared-cast",
            f"{found} can't be cast to {to}: a hostile party can write there at any moment",
            fixes.keep_shared(ast.unparse(argument), found, to),
        )


def _cast_number(
    c: FunctionChecker, node: ast.Call, value: int | float, to: Type, *, exact: bool
) -> tree.Constant:
    if isinstance(to, FloatType):
        return convert.float_constant(c, node, value, to)
    if isinstance(value, float):
        fix = "give a whole number, or cast a float variable: its value is cut towards zero"
        c.error(node, "cast-types", f"the number {value} can't be cast to {to}", fix)
    if isinstance(to, PointerType):
        address = convert.integer_constant(c, node, value, U64)
        return tree.Constant(address.line, address.column, to, address.value)
    if not isinstance(to, IntType | EnumType):
        c.error(
            node,
            "cast-types",
            f"the number {convert.spelt(value)} can't be cast to {to}",
            "write True or False" if isinstance(to, BoolType) else "cast it to an integer",
        )
    if not exact and isinstance(to, IntType):
        value = to.wrap(value)
    return convert.integer_constant(c, node, value, to)


def _is_integer(type_: Type) -> bool:
    return isinstance(type_, IntType | EnumType)


def _castable(found: Type, to: Type) -> bool:
    if isinstance(to, IntType):
        if isinstance(found, PointerType):
            return to == U64
        return isinstance(found, IntType | BoolType | EnumType | FloatType)
    if isinstance(to, EnumType):
        return isinstance(found, IntType | EnumType)
    if isinstance(to, FloatType):
        return isinstance(found, IntType | FloatType)
    if isinstance(to, PointerType):
        return found == U64 or isinstance(found, PointerType)
    return found == to
