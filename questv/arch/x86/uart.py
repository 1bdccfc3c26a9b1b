"""The 16550, the serial port of every PC."""

from __future__ import annotations

from questv.arch.x86.instructions import in8, out8
from questv.metal.lang import metal, u8, u16

_DIVISOR, _INTERRUPTS, _FIFO, _FORMAT, _STATUS = 0, 1, 2, 3, 5  # where the data are, too: 0
_DIVISOR_LATCH = 0x80
_READY = 1 << 5  # the transmitter takes a byte


@metal
def start(port: u16) -> None:
    """Set a port to 115200 baud, 8 data bits, no parity, with its FIFOs on."""
    out8(port + _INTERRUPTS, 0)
    out8(port + _FORMAT, _DIVISOR_LATCH)
    out8(port + _DIVISOR, 1)
    out8(port + _DIVISOR + 1, 0)
    out8(port + _FORMAT, 0x03)
    out8(port + _FIFO, 0x07)


@metal
def is_ready(port: u16) -> bool:
    """Whether the port takes a byte."""
    return in8(port + _STATUS) & _READY != 0


@metal
def send(port: u16, byte: u8) -> None:
    """Give the port a byte."""
    out8(port, byte)
