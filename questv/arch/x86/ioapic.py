"""The I/O APIC, which turns devices' interrupt lines into messages to cores.

Its registers are reached through a window of two (82093AA data sheet, section 3). Each line has a
redirection entry of two registers: where an interrupt goes is in the high half.
"""

from __future__ import annotations

from questv.metal.lang import Ptr, Register, metal, u32, u64

_WINDOW = 0x10  # of the register that the first one, at 0, selects
_VERSION = 0x01
_REDIRECTION = 0x10
_MASKED = 1 << 16
_DESTINATION_SHIFT = 24

LARGEST_DESTINATION = 0xFE
"""The largest APIC identifier that an entry can name."""


@metal
def lines(base: u64) -> u32:
    """How many lines the I/O APIC at this address has."""
    return (_read(base, _VERSION) >> 16 & 0xFF) + 1


@metal
def mask(base: u64, line: u32) -> None:
    """Let a line interrupt nobody."""
    _write(base, _REDIRECTION + 2 * line, _MASKED)


@metal
def route(base: u64, line: u32, apic_id: u32, vector: u32) -> None:
    """Let each rising edge of a line interrupt one core: fixed delivery, physical destination."""
    _write(base, _REDIRECTION + 2 * line + 1, apic_id << _DESTINATION_SHIFT)
    _write(base, _REDIRECTION + 2 * line, vector)


@metal
def _read(base: u64, register: u32) -> u32:
    Ptr[Register[u32]](base)[0].write(register)
    return Ptr[Register[u32]](base + _WINDOW)[0].read()


@metal
def _write(base: u64, register: u32, value: u32) -> None:
    Ptr[Register[u32]](base)[0].write(register)
    Ptr[Register[u32]](base + _WINDOW)[0].write(value)
