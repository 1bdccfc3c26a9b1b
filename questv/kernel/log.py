"""Writing lines to the console. It never waits, but where ``console_port`` says so."""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_flags
from questv.arch.x86.registers import RFLAGS_INTERRUPTS
from questv.kernel import console, console_port
from questv.kernel.info import MAX_TASKS, info
from questv.kernel.status import status
from questv.metal.lang import (
    Array,
    Formatter,
    Ptr,
    i64,
    metal,
    static,
    text_bytes,
    u8,
    u64,
)
from questv.text import Line

_lines: Array[Line, MAX_TASKS + 1] = static()  # one for each task, and one for the kernel


@metal
def _begin() -> None:
    _lines[status.running].begin()


@metal
def _text(part: str) -> None:
    _lines[status.running].add(text_bytes(part), len(part))


@metal
def log_bytes(bytes: Ptr[u8], length: u64) -> None:
    """Add bytes to the current task's line."""
    _lines[status.running].add(bytes, length)


@metal
def _unsigned(value: u64, base: u8, width: u8, zeros: bool) -> None:
    _lines[status.running].unsigned(value, base, width, zeros)


@metal
def _signed(value: i64, width: u8) -> None:
    _lines[status.running].signed(value, width)


@metal
def log_end() -> None:
    """Write the current task's line, and begin a new one."""
    line = _lines[status.running]
    enabled = read_flags() & RFLAGS_INTERRUPTS != 0
    disable_interrupts()
    if info.console_port != 0:
        console_port.make_room()
    number = console.store(line)
    if enabled:
        enable_interrupts()
    line.begin()
    if info.console_port != 0 and console_port.may_wait():
        console_port.send_through(number)


@metal
def _go_on() -> None:
    pass


log = Formatter(begin=_begin, text=_text, unsigned=_unsigned, signed=_signed, end=log_end)
"""Writes one line: ``log(f"received {count} messages")``."""

log_part = Formatter(begin=_go_on, text=_text, unsigned=_unsigned, signed=_signed, end=_go_on)
"""Adds to the current task's line, which ``log_end`` writes."""
