"""What to write instead: the fixes for a value, a field or a method that does not fit."""

from __future__ import annotations

import ast
import contextlib
import re
from typing import TYPE_CHECKING

from questv.metal.check.known import is_struct
from questv.metal.definitions import MetalFunction
from questv.metal.naming import close_name
from questv.metal.structs import absent_methods
from questv.metal.types import (
    NEVER,
    NONE,
    U64,
    ArrayType,
    CellKind,
    CellType,
    EnumType,
    FunctionType,
    IntType,
    LayoutError,
    PointerType,
    StructType,
    Type,
    as_type,
    has_cell,
    is_aggregate,
    is_shared,
)

if TYPE_CHECKING:
    from questv.metal.check.function import FunctionChecker


def for_value(node: ast.expr, found: Type | str, expected: Type) -> str:
    """How to make a value of type ``expected`` from ``node``, which is ``found``."""
    shown = ast.unparse(node)
    if isinstance(expected, IntType) and isinstance(found, IntType | EnumType):
        return f"cast it: {expected}({shown})"
    if found in (NONE, NEVER):
        return "this call returns nothing: call it as a statement of its own"
    if isinstance(expected, FunctionType):
        return "the function's parameters and result must be exactly these"
    if isinstance(expected, PointerType):
        return _for_pointer(shown, found, expected)
    if isinstance(found, PointerType) and expected == U64:
        return f"cast it: u64({shown})"
    if isinstance(found, PointerType) and is_aggregate(expected) and found.target == expected:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ptr":
            return f"name the place itself: {ast.unparse(node.args[0])}"
        return f"follow the pointer: {shown}[0]"
    return f"use a value of type {expected}"


def _for_pointer(shown: str, found: Type | str, expected: PointerType) -> str:
    if isinstance(found, str):
        return f"a null pointer is {expected}(0), and a test for one is pointer.is_null()"
    if isinstance(found, PointerType):
        if drops_shared(found, expected):
            return keep_shared(shown, found, expected)
        return f"cast it: {expected}({shown})"
    if is_aggregate(found) and not has_cell(found):
        if found == expected.target:
            return f"take its address: ptr({shown})"
        if isinstance(found, ArrayType) and found.element == expected.target:
            return f"take its first element's address: ptr({shown}[0])"
        return f"take its address: {expected}(ptr({shown}))"
    if found == U64:
        return f"if it is an address, cast it: {expected}({shown})"
    return f"use a value of type {expected}"


def whole(value: float, form: str = "{}") -> str:
    """What to write for the float ``value`` where an integer is needed, in this ``form``."""
    if value.is_integer() and abs(value) < 1 << 64:
        return f"write {form.format(f'{int(value):_}')}"
    return "write a whole number; smaller units leave fewer fractions"


def drops_shared(found: PointerType, to: PointerType) -> bool:
    """Whether a cast would make plain memory of what a hostile party can write."""
    try:
        return is_shared(found.target) and not is_shared(to.target)
    except LayoutError:
        return False  # which is an error of its own


def keep_shared(shown: str, found: PointerType, to: PointerType) -> str:
    """How to read what lies, as ``to`` says, in the shared memory that ``shown`` points into."""
    target = to.target
    copied = f"copy_out(Ptr[u8](ptr(own)), {shown}, sizeof({target}))"
    if isinstance(target, StructType | ArrayType):
        return f"copy it into memory of your own: own: {target} = local(), {copied}"
    cells = PointerType(CellType(CellKind.SHARED, target))
    cell = shown if cells == found else f"{cells}({shown})"
    return (
        "copy it into memory of your own with copy_out, "
        f"or read each cell once: value = {cell}[0].load(RELAXED)"
    )


def for_field(c: FunctionChecker, node: ast.Attribute, type_: Type) -> str:
    """Where the field that ``node`` names might be, since ``type_`` has no such field."""
    if isinstance(type_, StructType):
        close = close_name(node.attr, type_.fields)
        return f"did you mean '{close}'?" if close else f"its fields are: {', '.join(type_.fields)}"
    if not isinstance(type_, PointerType):
        return "only structs have fields"
    shown, target = ast.unparse(node.value), type_.target
    if isinstance(target, StructType):
        if node.attr in target.fields:
            return f"follow the pointer first: {shown}[0].{node.attr}"
        close = close_name(node.attr, target.fields)
        if close:
            return f"follow the pointer first: {shown}[0].{close}"
        return f"the fields of what it points to are: {', '.join(target.fields)}"
    name = _struct_with(c, node.attr) or "Name"
    if is_shared(target):
        return (
            "copy it into a struct of your own first: "
            f"own: {name} = local(), copy_out(Ptr[u8](ptr(own)), {shown}, sizeof({name}))"
        )
    return f"cast it to what lies there: Ptr[{name}]({shown})[0].{node.attr}"


def _struct_with(c: FunctionChecker, field: str) -> str | None:
    """The name of a struct that the function's module knows and that has ``field``."""
    for name, value in c.names.items():
        if is_struct(value):
            with contextlib.suppress(LayoutError):
                if field in getattr(as_type(value), "fields", {}):
                    return name
    return None


def for_method(func: ast.Attribute, type_: Type) -> str:
    """What to call instead of ``func``, since ``type_`` has no such method."""
    shown = ast.unparse(func.value)
    if isinstance(type_, StructType):
        absent = absent_methods(type_.python)
        if func.attr in absent:
            return absent[func.attr]
        methods = [name for name in _methods(type_) if name not in absent]
        close = close_name(func.attr, methods)
        if close:
            return f"did you mean '{close}'?"
        define = "define it in the struct's class with @metal"
        return f"it has {', '.join(methods)}; or {define}" if methods else define
    if isinstance(type_, PointerType):
        target = type_.target
        if isinstance(target, StructType | CellType):
            return f"follow the pointer first: {shown}[0].{func.attr}(...)"
        return f"a pointer has is_null() alone; as what lies there: Ptr[Name]({shown})[0]"
    return f"only structs have methods: call a function that takes {article(type_)}"


def _methods(type_: StructType) -> list[str]:
    """The names of the methods of a struct that others are to call."""
    members = {name: getattr(type_.python, name, None) for name in dir(type_.python)}
    return [
        name
        for name, value in members.items()
        if isinstance(value, MetalFunction) and not name.startswith("_")
    ]


def article(type_: Type) -> str:
    """A type's name with its article."""
    name = str(type_)
    if name in ("None", "NoReturn"):
        return "nothing"
    return f"an {name}" if re.match(r"[aeioAEIO]|f\d", name) else f"a {name}"
