"""How metal's types, names and constants are spelt in LLVM's textual form."""

from __future__ import annotations

import struct

from questv.metal.types import (
    BOOL,
    NEVER,
    NONE,
    EnumType,
    FloatType,
    IntType,
    Type,
)


def register_type(type_: Type) -> str:
    """The LLVM type of a value of ``type_`` in a register; references are pointers."""
    if isinstance(type_, IntType):
        return f"i{type_.bits}"
    if type_ == BOOL:
        return "i1"
    if isinstance(type_, EnumType):
        return f"i{type_.base.bits}"
    if isinstance(type_, FloatType):
        return "float" if type_.bits == 32 else "double"
    if type_ in (NONE, NEVER):
        return "void"
    return "ptr"


def memory_type(type_: Type) -> str:
    """The LLVM type of a scalar of ``type_`` in memory."""
    return "i8" if type_ == BOOL else register_type(type_)


def parameter_type(type_: Type) -> str:
    """The LLVM type of a parameter or result, extended as the System V convention asks."""
    spelt = register_type(type_)
    if type_ == BOOL:
        return f"{spelt} zeroext"
    base = type_.base if isinstance(type_, EnumType) else type_
    if isinstance(base, IntType) and base.bits < 32:
        return f"{spelt} {'signext' if base.signed else 'zeroext'}"
    return spelt


def result_type(type_: Type) -> str:
    """The same for the result, where LLVM wants the extension before the type."""
    return " ".join(reversed(parameter_type(type_).split()))


def symbol(name: str) -> str:
    """A global's name."""
    return f'@"{name}"'


def constant(type_: Type, value: int | float) -> str:
    """A constant of a scalar type."""
    spelt = register_type(type_)
    if spelt == "ptr":
        return f"inttoptr (i64 {int(value)} to ptr)" if value else "null"
    if isinstance(type_, FloatType):
        # LLVM spells both widths as the bits of a double; round to f32 first.
        exact = float(value)
        if type_.bits == 32:
            exact = struct.unpack("<f", struct.pack("<f", exact))[0]
        return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"
    if type_ == BOOL:
        return "true" if value else "false"
    return str(int(value))


def string(data: bytes) -> str:
    """Bytes as the contents of a quoted LLVM string."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:02X}" for byte in data
    )
