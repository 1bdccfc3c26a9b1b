"""The names that metal code is written with.

Type checkers read ``lang.pyi`` beside this file, which ``python -m questv.metal.stubs`` writes.
"""

from __future__ import annotations

import enum
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.metal import types
from questv.metal.definitions import (
    DEFINITIONS,
    AssemblyFunction,
    MetalFunction,
    StaticKind,
    StaticVariable,
    define_function,
    define_static,
)
from questv.metal.source import source_of

u8, u16, u32, u64 = types.U8, types.U16, types.U32, types.U64
i8, i16, i32, i64 = types.I8, types.I16, types.I32, types.I64
f32, f64 = types.F32, types.F64

Ptr = types.POINTER
Array = types.ARRAY
Atomic = types.CELLS[types.CellKind.ATOMIC]
Shared = types.CELLS[types.CellKind.SHARED]
Volatile = types.CELLS[types.CellKind.VOLATILE]
Register = types.CELLS[types.CellKind.REGISTER]


class Order(enum.Enum):
    """The memory order of an atomic access or a fence, as in C11."""

    RELAXED = "monotonic"
    ACQUIRE = "acquire"
    RELEASE = "release"
    ACQ_REL = "acq_rel"
    SEQ_CST = "seq_cst"


RELAXED, ACQUIRE, RELEASE = Order.RELAXED, Order.ACQUIRE, Order.RELEASE
ACQ_REL, SEQ_CST = Order.ACQ_REL, Order.SEQ_CST


def metal(
    python: Callable[..., Any] | None = None,
    *,
    inline: bool = False,
    export: str | None = None,
    floats: bool = False,
    role: object = None,
) -> Any:
    """Mark a function for compilation; see ``MetalFunction`` for the options."""

    def mark(function: Callable[..., Any]) -> MetalFunction:
        _require_function(function)
        return define_function(MetalFunction(function, inline, export, floats, role))

    return mark(python) if python is not None else mark


def assembly(text: str, *, export: str | None = None, stack: int = 0) -> Any:
    """Give a function its body in assembly (Intel syntax); ``stack`` is what it pushes, in bytes.

    Arguments and results follow the System V calling convention.
    """
    if not isinstance(text, str) or not isinstance(stack, int) or stack < 0:
        raise _refusal(
            "assembly-form",
            "assembly() takes a text, and the bytes that it pushes as stack=",
            'write @assembly("...", stack=0)',
        )

    def mark(function: Callable[..., Any]) -> MetalFunction:
        _require_function(function)
        return define_function(AssemblyFunction(function, export=export, text=text, stack=stack))

    return mark


def _require_function(function: object) -> None:
    """Refuse what is no function that was written with ``def``."""
    if isinstance(function, MetalFunction):
        message, fix = f"{function.name} is compiled already", "leave one of its decorators"
    elif isinstance(function, staticmethod | classmethod):
        message = f"{function.__name__} is a {type(function).__name__} before metal sees it"
        fix = "put @metal below @staticmethod"
        if isinstance(function, classmethod):
            fix = "metal has no class methods: make it a @staticmethod, with @metal below"
    elif not inspect.isfunction(function) or function.__name__ == "<lambda>":
        message = f"{getattr(function, '__name__', repr(function))} is no function made with def"
        fix = "write a function with def, and the decorator above it"
    elif inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        message, fix = f"{function.__name__} is asynchronous", "write def instead of async def"
    else:
        return
    raise _refusal("function-form", message, fix)


def _refusal(rule: str, message: str, fix: str) -> DiagnosticsError:
    """An error about the line that called into this module.

    Between the two may stand functions: decorators that somebody made out of ``metal``.
    """
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        frame = frame.f_back
    source = source_of(str(frame.f_globals["__name__"]))
    place = source.place(source.statement(frame.f_lineno))
    return DiagnosticsError([Diagnostic(place, message, fix, rule)])


def module_assembly(text: str) -> None:
    """Add assembly (Intel syntax) to the calling module, outside any function."""
    if not isinstance(text, str):
        raise _refusal("assembly-form", "module_assembly() takes a text", "write it as a string")
    module, _ = _caller()
    DEFINITIONS[module].assembly.append(text)


def static(initial: Any = None, *, export: str | None = None) -> Any:
    """A module-level variable: ``ticks: u64 = static(0)``; zero without an initial value."""
    return define_static(StaticVariable(*_caller(), StaticKind.VARIABLE, initial, export))


def constant(value: Any, *, export: str | None = None) -> Any:
    """A module-level table in read-only memory: ``K: Array[u32, 64] = constant([...])``."""
    return define_static(StaticVariable(*_caller(), StaticKind.CONSTANT, value, export))


def external(symbol: str) -> Any:
    """A variable that lives elsewhere, at the address that the linker gives ``symbol``."""
    return define_static(StaticVariable(*_caller(), StaticKind.EXTERNAL, None, symbol))


def _caller() -> tuple[str, int]:
    """The module and line that called the function that calls this."""
    frame = sys._getframe(2)
    return str(frame.f_globals["__name__"]), frame.f_lineno


@dataclass(frozen=True)
class Formatter:
    """Makes ``log(f"{n} frames, {errors:x}")`` out of five metal functions.

    Calling it in metal code, with an f-string or a plain string, calls ``begin()``, then in
    order ``text(part: str)`` for literal text and strings, ``unsigned(value: u64, base: u8,
    width: u8, zeros: bool)`` and ``signed(value: i64, width: u8)`` for numbers, then ``end()``.
    A format is empty, a width, or a width and ``x``; a leading 0 pads with zeros.
    """

    begin: MetalFunction
    text: MetalFunction
    unsigned: MetalFunction
    signed: MetalFunction
    end: MetalFunction

    def __call__(self, message: str) -> None:
        """Only compiled code formats."""
        raise TypeError("formatted output exists only inside a metal function")


def _only_in_metal(name: str) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> Any:
        raise TypeError(f"{name}() means something only inside a metal function")

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


# The operations that exist only in compiled code. Their meaning is in docs/metal.md, their
# checking in ``check/operations.py``.
local = _only_in_metal("local")
addr = _only_in_metal("addr")
ptr = _only_in_metal("ptr")
copy = _only_in_metal("copy")
clear = _only_in_metal("clear")
asm = _only_in_metal("asm")
fence = _only_in_metal("fence")
trap = _only_in_metal("trap")
text_bytes = _only_in_metal("text_bytes")
multiply_high = _only_in_metal("multiply_high")
leading_zeros = _only_in_metal("leading_zeros")
trailing_zeros = _only_in_metal("trailing_zeros")
count_ones = _only_in_metal("count_ones")
byte_swap = _only_in_metal("byte_swap")
square_root = _only_in_metal("square_root")
float_bits = _only_in_metal("float_bits")
float_from_bits = _only_in_metal("float_from_bits")

__all__ = [
    "ACQUIRE",
    "ACQ_REL",
    "RELAXED",
    "RELEASE",
    "SEQ_CST",
    "Array",
    "Atomic",
    "Formatter",
    "Order",
    "Ptr",
    "Register",
    "Shared",
    "Volatile",
    "addr",
    "asm",
    "assembly",
    "byte_swap",
    "clear",
    "constant",
    "copy",
    "count_ones",
    "external",
    "f32",
    "f64",
    "fence",
    "float_bits",
    "float_from_bits",
    "i8",
    "i16",
    "i32",
    "i64",
    "leading_zeros",
    "local",
    "metal",
    "module_assembly",
    "multiply_high",
    "ptr",
    "square_root",
    "static",
    "text_bytes",
    "trailing_zeros",
    "trap",
    "u8",
    "u16",
    "u32",
    "u64",
]
