"""Writing lines: each is put together in the process, and passed to the kernel's console whole."""

from __future__ import annotations

from questv.metal.lang import Formatter, Ptr, addr, i64, metal, static, text_bytes, u8, u64
from questv.process import calls
from questv.text import Line

_line: Line = static()


@metal
def _begin() -> None:
    _line.begin()


@metal
def _text(part: str) -> None:
    _line.add(text_bytes(part), len(part))


@metal
def log_bytes(bytes: Ptr[u8], length: u64) -> None:
    """Add bytes to the current task's line."""
    _line.add(bytes, length)


@metal
def _unsigned(value: u64, base: u8, width: u8, zeros: bool) -> None:
    _line.unsigned(value, base, width, zeros)


@metal
def _signed(value: i64, width: u8) -> None:
    _line.signed(value, width)


@metal
def log_end() -> None:
    """Write the current task's line, and begin a new one."""
    calls.log(addr(_line.text), _line.length)
    _line.begin()


@metal
def _go_on() -> None:
    pass


log = Formatter(begin=_begin, text=_text, unsigned=_unsigned, signed=_signed, end=log_end)
"""Writes one line: ``log(f"received {count} messages")``."""

log_part = Formatter(begin=_go_on, text=_text, unsigned=_unsigned, signed=_signed, end=_go_on)
"""Adds to the current task's line, which ``log_end`` writes."""
