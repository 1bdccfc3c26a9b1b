"""The boot's voice: the first serial port, and the end of a boot that can't go on."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.instructions import disable_interrupts, halt, in8, out8, out32, pause
from questv.boot.plan import BootPlan
from questv.metal.lang import (
    Formatter,
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
from questv.text import Digits, first_digit, signed_digits, unsigned_digits

plan: BootPlan = static(export="boot_plan")
"""Filled in by the builder."""

PORT = 0x3F8
_LINE_STATUS = PORT + 5
_TRANSMITTER_EMPTY = 1 << 5

EXIT_BOOT_FAILED = 0x11
"""What the debug-exit device is told when the boot ends with an error."""


@metal
def start() -> None:
    """Set the port to 115200 baud, 8 data bits, no parity, with its FIFOs on."""
    out8(PORT + 1, 0)  # no interrupts
    out8(PORT + 3, 0x80)  # the divisor comes next
    out8(PORT + 0, 1)
    out8(PORT + 1, 0)
    out8(PORT + 3, 0x03)
    out8(PORT + 2, 0x07)


@metal
def _put(byte: u8) -> None:
    while in8(_LINE_STATUS) & _TRANSMITTER_EMPTY == 0:
        pause()
    out8(PORT, byte)


@metal
def _begin() -> None:
    _text("questv: ")


@metal
def _text(part: str) -> None:
    for i in range(len(part)):
        _put(text_bytes(part)[i])


@metal
def _digits(digits: Digits) -> None:
    for i in range(digits.length):
        _put(first_digit(digits)[i])


@metal
def _unsigned(value: u64, base: u8, width: u8, zeros: bool) -> None:
    digits: Digits = local()
    unsigned_digits(digits, value, base, width, zeros)
    _digits(digits)


@metal
def _signed(value: i64, width: u8) -> None:
    digits: Digits = local()
    signed_digits(digits, value, width)
    _digits(digits)


@metal
def _end() -> None:
    _text("\r\n")


say = Formatter(begin=_begin, text=_text, unsigned=_unsigned, signed=_signed, end=_end)
"""Prints one line on the serial port."""


@metal
def stop() -> NoReturn:
    """End a boot that has said why it can't go on."""
    if plan.exit_port != 0:
        out32(u16(plan.exit_port), u32(EXIT_BOOT_FAILED))
    disable_interrupts()
    while True:
        halt()
