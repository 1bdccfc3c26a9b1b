"""The initial contents of module-level variables, as LLVM constants.

Contents are raw bytes wherever they can be; only the addresses of functions, variables and strings
stay symbolic, for the linker to fill in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from questv.metal.check.signatures import signature, static_type
from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.emit.ir import string, symbol
from questv.metal.structs import ArrayView, Struct, write_value
from questv.metal.types import (
    ArrayType,
    CellType,
    PointerType,
    StructType,
    TextType,
    Type,
    brief,
)

Target = MetalFunction | StaticVariable | str
"""What an address can be of; a str is a constant string."""

Addresses = dict[int, Target]
"""Byte offsets at which the address of something stands."""


def initial_contents(type_: Type, value: Any) -> tuple[bytes, Addresses]:
    """The bytes of a variable that starts as ``value`` (None: zero), and the addresses in it.

    Raises TypeError, ValueError or OverflowError if the value does not fit the type.
    """
    contents = memoryview(bytearray(type_.size))
    addresses: Addresses = {}
    if value is not None:
        _fill(type_, value, contents, 0, addresses)
    return bytes(contents), addresses


def _fill(type_: Type, value: Any, to: memoryview, start: int, addresses: Addresses) -> None:
    if isinstance(type_, CellType):
        _fill(type_.value, value, to, start, addresses)
    elif isinstance(value, MetalFunction | StaticVariable):
        _require_target(type_, value)
        addresses[start] = value
    elif isinstance(type_, TextType):
        if not isinstance(value, str):
            raise TypeError(f"{brief(value)} is no string")
        value.encode()  # must be possible
        addresses[start] = value
    elif isinstance(type_, ArrayType) and not isinstance(value, bytes):
        if not isinstance(value, Sequence | ArrayView):  # others are used up, or have no order
            raise TypeError(
                f"{type_} starts as a list of its elements, not as {type(value).__name__}"
            )
        if len(value) > type_.length:
            raise ValueError(f"there are more values than {type_} holds")
        for index, part in enumerate(value):
            _fill(type_.element, part, to, start + index * type_.element.size, addresses)
    elif isinstance(type_, StructType) and isinstance(value, dict):
        for name, part in value.items():
            if name not in type_.fields:
                raise ValueError(f"{type_} has no field {name!r}")
            field = type_.fields[name]
            _fill(field.type, part, to, start + field.offset, addresses)
    elif isinstance(type_, StructType) and not isinstance(value, Struct):
        raise TypeError(f"{type_} starts as a dict of its fields, not {brief(value)}")
    else:
        write_value(type_, to, start, value)


def _require_target(type_: Type, value: MetalFunction | StaticVariable) -> None:
    """Refuse an address of something that ``type_`` does not point to."""
    if isinstance(value, MetalFunction):
        found: Type = signature(value).type
        fits = type_ == found and not value.inline
    else:
        found = static_type(value)
        element = found.element if isinstance(found, ArrayType) else None
        fits = isinstance(type_, PointerType) and type_.target in (found, element)
    if not fits:
        what = "inline" if isinstance(value, MetalFunction) and value.inline else str(found)
        raise TypeError(f"{value.name} is {what}")


def is_zero(contents: bytes) -> bool:
    """Whether no byte of ``contents`` is other than zero."""
    return not contents.strip(b"\0")


def spell(contents: bytes, addresses: dict[int, str]) -> str:
    """Contents, and the symbols whose addresses stand in them, as an LLVM constant with its type.

    ``addresses`` holds the byte offsets of the symbols.
    """
    if is_zero(contents) and not addresses:
        return f"[{len(contents)} x i8] zeroinitializer"
    types: list[str] = []
    values: list[str] = []
    position = 0
    for offset, target in [*sorted(addresses.items(), key=lambda pair: pair[0]), (None, None)]:
        end = len(contents) if offset is None else offset
        part = contents[position:end]
        filled = part.rstrip(b"\0")
        if filled:
            types.append(f"[{len(filled)} x i8]")
            values.append(f'{types[-1]} c"{string(filled)}"')
        if len(part) > len(filled):
            types.append(f"[{len(part) - len(filled)} x i8]")
            values.append(f"{types[-1]} zeroinitializer")
        if offset is not None and target is not None:
            types.append("ptr")
            values.append(f"ptr {symbol(target)}")
            position = offset + 8
    return f"<{{ {', '.join(types)} }}> <{{ {', '.join(values)} }}>"
