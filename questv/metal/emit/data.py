"""The initial contents of module-level variables, as LLVM constants.

Contents are raw bytes wherever they can be; only the addresses of functions and variables stay
symbolic, for the linker to fill in.
"""

from __future__ import annotations

from typing import Any

from questv.metal.definitions import MetalFunction, StaticVariable
from questv.metal.emit.ir import string, symbol
from questv.metal.structs import Struct, write_value
from questv.metal.types import (
    ArrayType,
    CellType,
    FunctionType,
    PointerType,
    StructType,
    Type,
)

Addresses = dict[int, MetalFunction | StaticVariable]
"""Byte offsets at which the address of a function or variable stands."""


def initial_contents(type_: Type, value: Any) -> tuple[bytes, Addresses]:
    """The bytes of a variable that starts as ``value`` (None: zero), and the addresses in it.

    Raises TypeError, ValueError, OverflowError or KeyError if the value does not fit the type.
    """
    contents = memoryview(bytearray(type_.size))
    addresses: Addresses = {}
    if value is not None:
        _fill(type_, value, contents, 0, addresses)
    return bytes(contents), addresses


def _fill(type_: Type, value: Any, to: memoryview, start: int, addresses: Addresses) -> None:
    if isinstance(type_, CellType):
        _fill(type_.value, value, to, start, addresses)
    elif isinstance(type_, PointerType | FunctionType) and isinstance(
        value, MetalFunction | StaticVariable
    ):
        addresses[start] = value
    elif isinstance(type_, ArrayType) and not isinstance(value, bytes):
        values = list(value)
        if len(values) > type_.length:
            raise ValueError(f"{len(values)} values do not fit {type_}")
        for index, part in enumerate(values):
            _fill(type_.element, part, to, start + index * type_.element.size, addresses)
    elif isinstance(type_, StructType) and isinstance(value, dict):
        for name, part in value.items():
            field = type_.fields[name]
            _fill(field.type, part, to, start + field.offset, addresses)
    elif isinstance(type_, StructType) and not isinstance(value, Struct):
        raise TypeError(f"{type_} starts as a dict of its fields, not {value!r}")
    else:
        write_value(type_, to, start, value)


def spell(contents: bytes, addresses: Addresses) -> str:
    """Contents as an LLVM constant with its type."""
    if not any(contents) and not addresses:
        return f"[{len(contents)} x i8] zeroinitializer"
    types: list[str] = []
    values: list[str] = []
    position = 0
    for offset, target in [*sorted(addresses.items(), key=lambda pair: pair[0]), (None, None)]:
        end = len(contents) if offset is None else offset
        if end > position:
            types.append(f"[{end - position} x i8]")
            values.append(f'{types[-1]} c"{string(contents[position:end])}"')
        if offset is not None and target is not None:
            types.append("ptr")
            values.append(f"ptr {symbol(target.symbol)}")
            position = offset + 8
    return f"<{{ {', '.join(types)} }}> <{{ {', '.join(values)} }}>"
