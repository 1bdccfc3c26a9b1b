"""The kernel's console: a ring of lines in its own memory, which the host reads live.

Writing never waits. A line that the host has not read when its place is needed again is lost, and
the numbers of the lines show how many were.

A kernel that owns a UART which none of its tasks drives sends its lines there too, whole and in
their order: who wants to send a line first sends the rest of those before it, also of one that a
less urgent task has begun.
"""

from __future__ import annotations

from questv.arch.x86 import uart
from questv.arch.x86.instructions import (
    disable_interrupts,
    enable_interrupts,
    pause,
    read_flags,
    read_tsc,
)
from questv.arch.x86.registers import RFLAGS_INTERRUPTS
from questv.kernel.info import MAX_TASKS, info
from questv.kernel.status import status
from questv.metal.lang import (
    RELAXED,
    RELEASE,
    Array,
    Atomic,
    Formatter,
    Ptr,
    fence,
    i64,
    local,
    metal,
    static,
    text_bytes,
    u8,
    u16,
    u32,
    u64,
)
from questv.metal.structs import Struct, sizeof
from questv.text import Digits, first_digit, signed_digits, unsigned_digits

LINE = 232
"""The longest line, in bytes; what is longer is cut."""
SLOTS = 64
_UART_BUSY_LIMIT = 100_000


class Slot(Struct):
    """One line."""

    number: Atomic[u64]  # 1 and up; 0 while the slot is being written
    time: u64  # time-stamp counter
    task: u32  # who wrote it; ``MAX_TASKS`` for the kernel
    length: u32  # bytes of the text
    text: Array[u8, LINE]


assert sizeof(Slot) == 256


class Console(Struct):
    """The ring: line n is in slot (n - 1) % SLOTS."""

    written: Atomic[u64]  # the number of the newest line
    slots: Array[Slot, SLOTS]


class Line(Struct):
    """A line that is being put together."""

    length: u64
    text: Array[u8, LINE]


console: Console = static(export="kernel_console")
_sent: u64 = static()  # lines that the UART has been given, and bytes of the next one
_sent_bytes: u64 = static()
_lines: Array[Line, MAX_TASKS + 1] = static()  # one for each task, and one for the kernel


# ---- putting a line together -----------------------------------------------------------------


@metal
def _begin() -> None:
    _lines[status.running].length = 0


@metal
def _put(byte: u8) -> None:
    line = _lines[status.running]
    if line.length < LINE:
        line.text[line.length] = byte
        line.length += 1


@metal
def _text(part: str) -> None:
    log_bytes(text_bytes(part), len(part))


@metal
def log_bytes(bytes: Ptr[u8], length: u64) -> None:
    """Add bytes to the current task's line."""
    for i in range(length):
        _put(bytes[i])


@metal
def _unsigned(value: u64, base: u8, width: u8, zeros: bool) -> None:
    digits: Digits = local()
    unsigned_digits(digits, value, base, width, zeros)
    log_bytes(first_digit(digits), digits.length)


@metal
def _signed(value: i64, width: u8) -> None:
    digits: Digits = local()
    signed_digits(digits, value, width)
    log_bytes(first_digit(digits), digits.length)


@metal
def log_end() -> None:
    """Write the current task's line, and begin a new one."""
    line = _lines[status.running]
    number = _store(line)
    line.length = 0
    if info.console_port != 0:
        _send_through(number)


@metal
def _go_on() -> None:
    pass


log = Formatter(begin=_begin, text=_text, unsigned=_unsigned, signed=_signed, end=log_end)
"""Writes one line: ``log(f"received {count} messages")``."""

log_part = Formatter(begin=_go_on, text=_text, unsigned=_unsigned, signed=_signed, end=_go_on)
"""Adds to the current task's line, which ``log_end`` writes."""


# ---- where lines go --------------------------------------------------------------------------


@metal
def _store(line: Line) -> u64:
    """Put a line into the ring; its number."""
    enabled = read_flags() & RFLAGS_INTERRUPTS != 0
    disable_interrupts()
    number = console.written.load(RELAXED) + 1
    slot = console.slots[(number - 1) % SLOTS]
    slot.number.store(0, RELAXED)
    fence(RELEASE)  # the slot is void before anything in it changes
    slot.time = read_tsc()
    slot.task = u32(status.running)
    slot.length = u32(line.length)
    for i in range(line.length):
        slot.text[i] = line.text[i]
    slot.number.store(number, RELEASE)
    console.written.store(number, RELEASE)
    if enabled:
        enable_interrupts()
    return number


@metal
def start() -> None:
    """Set up the UART, if one shows the console."""
    if info.console_port != 0:
        uart.start(u16(info.console_port))


@metal
def _send_through(number: u64) -> None:
    """Send what the UART has not been given yet of all lines up to this one."""
    # No slot is used again before: each task, and the kernel, has at most one line to send.
    while _sent < number:
        _await_uart()
        enabled = read_flags() & RFLAGS_INTERRUPTS != 0
        disable_interrupts()
        if _sent < number:
            _send_byte()
        if enabled:
            enable_interrupts()


@metal
def _await_uart() -> None:
    """Wait until the UART takes a byte; one that stays busy for ever loses it."""
    for _ in range(u32(_UART_BUSY_LIMIT)):
        if uart.is_ready(u16(info.console_port)):
            return
        pause()


@metal
def _send_byte() -> None:
    """Give the UART the next byte. Interrupts are off."""
    global _sent, _sent_bytes
    slot = console.slots[_sent % SLOTS]
    at = _sent_bytes
    _sent_bytes += 1
    if at < u64(slot.length):
        uart.send(u16(info.console_port), slot.text[at])
    elif at == u64(slot.length):
        uart.send(u16(info.console_port), ord("\r"))
    else:
        uart.send(u16(info.console_port), ord("\n"))
        _sent += 1
        _sent_bytes = 0
