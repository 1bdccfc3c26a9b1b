"""Names, fields and elements: the expressions that stand for places in memory."""

from __future__ import annotations

import ast
import enum
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from questv.metal import tree
from questv.metal.check import convert, fixes
from questv.metal.check.known import Known, is_struct
from questv.metal.check.signatures import static_type
from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.naming import name_fix
from questv.metal.structs import absent_methods
from questv.metal.types import (
    INTEGERS,
    U64,
    ArrayType,
    IntType,
    LayoutError,
    PointerType,
    StructType,
    Type,
    is_aggregate,
    one_line,
    require_complete,
)

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker, Operand


def local_operand(node: ast.Name, local: tree.Local) -> tree.Place:
    """The place that a local's name stands for; references are followed."""
    at = (node.lineno, node.col_offset + 1)
    own = tree.LocalPlace(*at, local.type, local)
    if is_aggregate(local.type) and not local.storage:
        pointer = tree.Load(*at, local.type, own)
        return tree.PointerPlace(*at, local.type, pointer, None, reference=True)
    return own


def static_operand(c: FunctionChecker, node: ast.expr, variable: StaticVariable) -> tree.Place:
    """The place of a module-level variable."""
    try:
        type_ = static_type(variable)
    except LayoutError as error:
        c.layout_error(node, error)
    return tree.StaticPlace(node.lineno, node.col_offset + 1, type_, variable)


def attribute(c: FunctionChecker, node: ast.Attribute) -> Operand:
    """``base.name``: a field, or an attribute of something that Python knows."""
    base = c.operand(node.value)
    if isinstance(base, Known):
        return _known_attribute(c, node, base.value)
    place = aggregate_place(c, node.value, base)
    if place is None or not isinstance(place.type, StructType):
        _no_field(c, node, base.type)
    field = place.type.fields.get(node.attr)
    if field is None:
        _no_field(c, node, place.type)
    return tree.FieldPlace(node.lineno, node.col_offset + 1, field.type, place, field)


def _no_field(c: FunctionChecker, node: ast.Attribute, type_: Type) -> NoReturn:
    fix = fixes.for_field(c, node, type_)
    c.error(node, "no-field", f"{type_} has no field '{node.attr}'", fix)


def path_value(c: FunctionChecker, node: ast.expr) -> object:
    """What a name, or a name in a module, stands for; None if ``node`` is anything else."""
    if isinstance(node, ast.Name):
        return None if node.id in c.locals else c.names.get(node.id)
    if isinstance(node, ast.Attribute):
        base = path_value(c, node.value)
        if isinstance(base, ModuleType):
            return vars(base).get(node.attr)
    return None


def aggregate_place(c: FunctionChecker, node: ast.expr, operand: Operand) -> tree.Place | None:
    """The place of an aggregate, given the place itself or a reference to it."""
    if isinstance(operand, tree.Place):
        return operand if is_aggregate(operand.type) else None
    if isinstance(operand, tree.Expression) and is_aggregate(operand.type):
        return tree.PointerPlace(
            node.lineno, node.col_offset + 1, operand.type, operand, None, reference=True
        )
    return None


def _known_attribute(c: FunctionChecker, node: ast.Attribute, base: object) -> Operand:
    if isinstance(base, ModuleType):
        if node.attr not in vars(base):
            c.error(
                node,
                "unknown-name",
                f"module '{base.__name__}' has no '{node.attr}'",
                name_fix(node.attr, vars(base), "import or define it there"),
            )
        value = vars(base)[node.attr]
        c.depend(base.__name__, node.attr, value)
    elif isinstance(base, enum.EnumMeta | IntType) or is_struct(base):
        if not hasattr(base, node.attr):
            c.error(
                node,
                "unknown-name",
                f"{getattr(base, '__name__', base)} has no '{node.attr}'",
                "use one of its members",
            )
        value = getattr(base, node.attr)
        if is_struct(base):
            c.depend_on(node)  # as a type, a struct is its fields alone
    else:
        c.error(
            node,
            "unsupported-expression",
            f"'{ast.unparse(node)}' can't be worked out at compile time",
            "work it out at module level and give it a name",
        )
    if isinstance(value, StaticVariable):
        return static_operand(c, node, value)
    return Known(value)


def subscript(c: FunctionChecker, node: ast.Subscript) -> Operand:
    """``base[index]``: an element of an array, what a pointer points to, or a type."""
    base = c.operand(node.value)
    if isinstance(base, Known):
        return _known_subscript(c, node, base.value)
    if isinstance(base.type, PointerType):
        pointer = convert.to_value(c, node.value, base, None)
        index = _index(c, node.slice, None)
        return _pointer_element(c, node, pointer, base.type, index)
    place = aggregate_place(c, node.value, base)
    if place is None or not isinstance(place.type, ArrayType):
        c.error(
            node,
            "not-indexable",
            f"{base.type} has no elements",
            "only arrays and pointers are indexed",
        )
    element = place.type.element
    index = _index(c, node.slice, place.type)
    return tree.IndexPlace(
        node.lineno, node.col_offset + 1, element, place, index, place.type.length
    )


def _pointer_element(
    c: FunctionChecker,
    node: ast.Subscript,
    pointer: tree.Expression,
    type_: PointerType,
    index: tree.Expression,
) -> tree.Place:
    try:
        target = type_.target
    except LayoutError as error:
        c.layout_error(node, error)
    zero = isinstance(index, tree.Constant) and index.value == 0
    return tree.PointerPlace(
        node.lineno,
        node.col_offset + 1,
        target,
        pointer,
        None if zero else index,
        reference=False,
    )


def _index(c: FunctionChecker, node: ast.expr, array: ArrayType | None) -> tree.Expression:
    """An index as an unsigned number of 64 bits; a constant one is checked now."""
    operand = c.operand(node, U64)
    if isinstance(operand, tree.Constant) and operand.type in INTEGERS and operand.value >= 0:
        operand = Known(operand.value)  # such as u64(3)
    if isinstance(operand, Known):
        number = operand.value
        if not isinstance(number, int) or isinstance(number, bool):
            c.error(
                node,
                "index-type",
                f"an index is an unsigned integer, not {number!r}",
                "give a whole number",
            )
        if not 0 <= number <= (array.length - 1 if array else U64.MAX):
            c.error(
                node,
                "index-range",
                f"index {convert.spelt(number)} is outside {array or 'what a pointer reaches'}",
                f"the last one is {array.length - 1}" if array else "count upwards from 0",
            )
        return tree.Constant(node.lineno, node.col_offset + 1, U64, int(number))
    value = convert.to_value(c, node, operand, U64)
    if not isinstance(value.type, IntType) or value.type.signed:
        c.error(
            node,
            "index-type",
            f"an index is an unsigned integer, not {value.type}",
            f"cast it: u64({ast.unparse(node)})",
        )
    return widen(value)


def widen(value: tree.Expression) -> tree.Expression:
    """An unsigned value at 64 bits."""
    if value.type == U64:
        return value
    return tree.Cast(value.line, value.column, U64, value, exact=False)


def _known_subscript(c: FunctionChecker, node: ast.Subscript, base: object) -> Operand:
    """``Ptr[T]``, ``Array[T, n]``, or an element of a compile-time tuple, list or dict."""
    names = [part for part in ast.walk(node.slice) if isinstance(part, ast.Name)]
    outer = [name for name in names if name.id not in c.locals]
    for name in outer:
        c.known_name(name)  # of one that is nowhere it says so
    try:
        if len(outer) < len(names):
            raise LookupError
        index = eval(compile(ast.Expression(node.slice), "<index>", "eval"), c.names)
    except Exception:
        c.error(
            node,
            "index-known",
            f"'{ast.unparse(node.slice)}' is not known at compile time, as this index must be",
            "index a table made with constant() instead",
        )
    c.depend_on(node)
    try:
        value = base[index]  # type: ignore[index]
        if isinstance(value, Type):
            require_complete(value)
        return Known(value)
    except LayoutError as error:
        c.layout_error(node, error)
    except Exception as error:
        message = f"'{ast.unparse(node)}' does not exist: {one_line(error)}"
        c.error(node, "index-known", message, "mend the index")


def method(base: Type, name: str) -> MetalFunction | None:
    """The metal function that a struct's class defines as ``name``."""
    if isinstance(base, StructType) and name not in absent_methods(base.python):
        value = getattr(base.python, name, None)
        if isinstance(value, MetalFunction):
            return value
    return None
