"""Compile-time values: what ordinary Python at module level has already worked out.

A metal function may name module-level integers, tables, types, functions and variables. Each
value that it names is recorded with a fingerprint, so that a later build can tell whether the
compiled code still stands for the same program.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from questv.metal.check.signatures import (
    definition_line,
    signature,
    source_text,
    static_type,
)
from questv.metal.definitions import (
    DEFINITIONS,
    AssemblyFunction,
    MetalFunction,
    StaticVariable,
)
from questv.metal.lang import Formatter
from questv.metal.structs import ArrayView, Struct, absent_methods
from questv.metal.types import (
    ArrayType,
    CellType,
    EnumType,
    FunctionType,
    LayoutError,
    PointerType,
    StructType,
    Type,
    as_type,
)


@dataclass(frozen=True)
class Known:
    """A value that ordinary Python knows at compile time."""

    value: Any

    @property
    def is_number(self) -> bool:
        """Whether it is a bare integer or float (a bool or an enum with a width is not)."""
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return is_number and self.enum_type is None

    @property
    def enum_type(self) -> EnumType | None:
        """The enum type of a member of an enum with a width."""
        if isinstance(self.value, enum.Enum):
            try:
                type_ = as_type(type(self.value))
            except LayoutError:
                return None
            return type_ if isinstance(type_, EnumType) else None
        return None


@dataclass(frozen=True)
class Dependency:
    """A value that compiled code was made from: what an expression means in a module."""

    module: str
    expression: str
    fingerprint: str

    def holds(self) -> bool:
        """Whether the expression still means the same."""
        module = sys.modules.get(self.module)
        if module is None:
            return False
        try:
            return fingerprint(look_up(module, self.expression)) == self.fingerprint
        except (LookupError, LayoutError):
            return False


def look_up(module: ModuleType, expression: str) -> Any:
    """What a name or another expression means in a module; raises LookupError."""
    try:
        return eval(expression, vars(module))
    except Exception as error:
        raise LookupError(expression) from error


def fingerprint(value: Any) -> str:
    """A text that is equal for two values exactly if compiled code can't tell them apart."""
    return hashlib.sha256(_describe(value, ()).encode(errors="surrogatepass")).hexdigest()[:24]


def definitions_text(module: str) -> str:
    """A text that tells apart any two sets of definitions that one source text can leave.

    Ordinary Python at module level decides what is defined, and what variables start with.
    """
    parts = []
    for static in DEFINITIONS[module].statics:
        try:
            parts.append(f"{static.symbol} {fingerprint(static)} {fingerprint(static.initial)}")
        except (LookupError, LayoutError):
            parts.append("broken")
    for function in DEFINITIONS[module].functions:
        parts.append(f"{definition_line(function)} {function.inline} {fingerprint(function)}")
    return "\n".join([*parts, *DEFINITIONS[module].assembly])


MAX_DEPTH = 100
"""How deep a value is described: what lies deeper is out of reach of one expression."""


def _describe(value: Any, inside: tuple[object, ...]) -> str:
    """``inside`` are the containers and structs that ``value`` is a part of."""
    if len(inside) > MAX_DEPTH or any(value is part for part in inside):
        return "..."
    if isinstance(value, enum.Enum):
        return f"member {value.name} {value.value!r} of {_describe(type(value), inside)}"
    if isinstance(value, int):
        return f"{type(value).__name__} {value:#x}"
    if value is None or isinstance(value, float | str | bytes):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, range):
        return repr(value)
    if isinstance(value, bytearray | memoryview):
        return f"{type(value).__name__} {bytes(value)!r}"
    within = (*inside, value)
    if isinstance(value, Sequence | ArrayView):
        return f"[{', '.join(_describe(part, within) for part in value)}]"
    if isinstance(value, Set):
        return f"{{{', '.join(sorted(_describe(part, within) for part in value))}}}"
    if isinstance(value, Mapping):
        pairs = (f"{key!r}: {_describe(part, within)}" for key, part in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Type):
        return _describe_type(value, inside)
    if isinstance(value, MetalFunction):
        return _describe_function(value)
    if isinstance(value, StaticVariable):
        type_ = static_type(value)
        return f"{value.kind.value} {value.symbol}: {_describe_type(type_, inside)}"
    if isinstance(value, type):
        try:
            return _describe_type(as_type(value), inside)
        except LayoutError:
            members = list(value) if issubclass(value, enum.Enum) else []
            shown = [(member.name, member.value) for member in members]
            return f"class {value.__module__}.{value.__qualname__} {shown}"
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, Struct):
        return f"{_describe(type(value), inside)} {bytes(value).hex()}"
    if isinstance(value, Formatter):
        parts = (value.begin, value.text, value.unsigned, value.signed, value.end)
        return f"formatter {_describe(parts, inside)}"
    with contextlib.suppress(LayoutError):
        return _describe_type(as_type(value), inside)
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"{getattr(value, '__module__', '')}.{name}"


def _describe_function(function: MetalFunction) -> str:
    try:
        shape = signature(function)
        parameters = [(name, _describe_type(part, ())) for name, part in shape.parameters]
        described = f"{parameters} -> {_describe_type(shape.result, ())}"
        # A copy has the lines of its source for debuggers, so they count too.
        body = f"{definition_line(function)} {source_text(function)}" if function.inline else ""
    except LayoutError as error:
        described, body = str(error), ""
    if isinstance(function, AssemblyFunction):
        body = f"{function.stack} {function.text}"
    return f"function {function.symbol} {described} {function.floats} {body}"


def named_types(type_: Type) -> Iterator[type]:
    """The structs and enums that a type is made of, those in a struct's fields left out."""
    if isinstance(type_, StructType | EnumType):
        yield type_.python
    elif isinstance(type_, PointerType):
        yield from named_types(type_.target)
    elif isinstance(type_, ArrayType):
        yield from named_types(type_.element)
    elif isinstance(type_, CellType):
        yield from named_types(type_.value)
    elif isinstance(type_, FunctionType):
        for part in (*type_.parameters, type_.result):
            yield from named_types(part)


def _describe_type(type_: Type, inside: tuple[object, ...]) -> str:
    if isinstance(type_, StructType):
        name = f"struct {type_.python.__module__}.{type_.python.__qualname__}"
        if any(type_.python is part for part in inside):
            return name
        within = (*inside, type_.python)
        fields = ", ".join(
            f"{member.name}@{member.offset}: {_describe_type(member.type, within)}"
            for member in type_.fields.values()
        )
        absent = sorted(absent_methods(type_.python))
        return f"{name} {type_.size} {type_.align} ({fields}) without {absent}"
    if isinstance(type_, EnumType):
        members = [(member.name, int(member.value)) for member in type_.python]
        return f"enum {type_.name} {type_.base} {members}"
    if isinstance(type_, PointerType):
        return f"Ptr[{_describe_type(type_.target, inside)}]"
    if isinstance(type_, ArrayType):
        return f"Array[{_describe_type(type_.element, inside)}, {type_.length}]"
    if isinstance(type_, CellType):
        return f"{type_.kind.value}[{_describe_type(type_.value, inside)}]"
    if isinstance(type_, FunctionType):
        parameters = ", ".join(_describe_type(part, inside) for part in type_.parameters)
        return f"Callable[[{parameters}], {_describe_type(type_.result, inside)}]"
    return type_.name


def is_struct(value: Any) -> bool:
    """Whether ``value`` is a metal struct's class."""
    return isinstance(value, type) and issubclass(value, Struct) and value is not Struct
