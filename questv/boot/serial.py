"""The boot's voice: the first serial port, and the end of a boot that can't go on."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86 import uart
from questv.arch.x86.instructions import disable_interrupts, halt, out32, pause
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

EXIT_BOOT_FAILED = 0x11
"""What the debug-exit device is told when the boot ends with an error."""


@metal
def start() -> None:
    """Set the port up."""
    uart.start(PORT)


@metal
def _put(byte: u8) -> None:
    while not uart.is_ready(PORT):
        pause()
    uart.send(PORT, byte)


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
    out32(u16(plan.exit_port), u32(EXIT_BOOT_FAILED))  # without the device nothing happens
    disable_interrupts()
    while True:
        halt()
