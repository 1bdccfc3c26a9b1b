"""The kernel's console: a ring of lines in its own memory, which the host reads live.

Writing never waits. A line that the host has not read when its place is needed again is lost, and
the numbers of the lines show how many were. A kernel that owns a UART writes there too.
"""

from __future__ import annotations

from questv.arch.x86.instructions import (
    disable_interrupts,
    enable_interrupts,
    in8,
    out8,
    pause,
    read_flags,
    read_tsc,
)
from questv.arch.x86.registers import RFLAGS_INTERRUPTS
from questv.kernel import tasks
from questv.kernel.info import MAX_TASKS, info
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
_UART_STATUS = 5
_UART_READY = 1 << 5
_UART_BUSY_LIMIT = 100_000


class Slot(Struct):
    """One line."""

    number: Atomic[u64]  # 1 and up; 0 while the slot is being written
    time: u64  # time-stamp counter
    task: u32  # who wrote it; ``NOBODY`` for the kernel
    length: u32
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
_lines: Array[Line, MAX_TASKS + 1] = static()  # one for each task, and one for the kernel


# ---- putting a line together -----------------------------------------------------------------


@metal
def _begin() -> None:
    _lines[tasks.current()].length = 0


@metal
def _put(byte: u8) -> None:
    line = _lines[tasks.current()]
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
    line = _lines[tasks.current()]
    _store(line)
    if info.uart_port != 0:
        _send(line)
    line.length = 0


@metal
def _go_on() -> None:
    pass


log = Formatter(begin=_begin, text=_text, unsigned=_unsigned, signed=_signed, end=log_end)
"""Writes one line: ``log(f"received {count} messages")``."""

log_part = Formatter(begin=_go_on, text=_text, unsigned=_unsigned, signed=_signed, end=_go_on)
"""Adds to the current task's line, which ``log_end`` writes."""


# ---- where lines go --------------------------------------------------------------------------


@metal
def _store(line: Line) -> None:
    enabled = read_flags() & RFLAGS_INTERRUPTS != 0
    disable_interrupts()
    number = console.written.load(RELAXED) + 1
    slot = console.slots[(number - 1) % SLOTS]
    slot.number.store(0, RELAXED)
    fence(RELEASE)  # the slot is void before anything in it changes
    slot.time = read_tsc()
    slot.task = u32(tasks.current())
    slot.length = u32(line.length)
    for i in range(line.length):
        slot.text[i] = line.text[i]
    slot.number.store(number, RELEASE)
    console.written.store(number, RELEASE)
    if enabled:
        enable_interrupts()


@metal
def _send(line: Line) -> None:
    for i in range(line.length):
        _send_byte(line.text[i])
    _send_byte(ord("\r"))
    _send_byte(ord("\n"))


@metal
def _send_byte(byte: u8) -> None:
    """Give a byte to the UART; one that stays busy for ever loses it."""
    port = u16(info.uart_port)
    for _ in range(u32(_UART_BUSY_LIMIT)):
        if in8(port + _UART_STATUS) & _UART_READY != 0:
            break
        pause()
    out8(port, byte)
