"""The 16550, the serial port of every PC (PC16550D data sheet, section 8)."""

from __future__ import annotations

from questv.arch.x86.instructions import in8, out8
from questv.metal.lang import metal, u8, u16

_DATA, _INTERRUPTS, _IDENTIFY, _FORMAT, _MODEM, _STATUS, _MODEM_STATUS = 0, 1, 2, 3, 4, 5, 6
_DIVISOR, _FIFO = 0, 2  # where the data and the interrupt's identity are, too
_DIVISOR_LATCH = 0x80
_LINES_UP = 0x0B  # DTR and RTS, and OUT2, by which a PC lets the interrupt through
_HAS_DATA = 1 << 0
_OVERRUN = 1 << 1
_READY = 1 << 5  # the transmitter's FIFO is empty
_EMPTY = 1 << 6  # the FIFO, and the register behind it
_NONE_PENDING = 1 << 0

FIFO_DEPTH = 16
INTERRUPT_RECEIVED = 1 << 0
INTERRUPT_READY = 1 << 1


@metal
def start(port: u16) -> None:
    """Set a port to 115200 baud, 8 data bits, no parity, with its FIFOs on and no interrupts."""
    out8(port + _INTERRUPTS, 0)
    out8(port + _FORMAT, _DIVISOR_LATCH)
    out8(port + _DIVISOR, 1)
    out8(port + _DIVISOR + 1, 0)
    out8(port + _FORMAT, 0x03)
    out8(port + _FIFO, 0x07)
    out8(port + _MODEM, _LINES_UP)


@metal
def is_ready(port: u16) -> bool:
    """Whether the port takes ``FIFO_DEPTH`` bytes; for ports that only send."""
    return takes_data(line_status(port))


@metal
def send(port: u16, byte: u8) -> None:
    """Give the port a byte."""
    out8(port + _DATA, byte)


@metal
def line_status(port: u16) -> u8:
    """What the functions that take a status tell of; of what was lost it is told once."""
    return in8(port + _STATUS)


@metal
def takes_data(status: u8) -> bool:
    """Whether the port takes ``FIFO_DEPTH`` bytes."""
    return status & _READY != 0


@metal
def has_sent(status: u8) -> bool:
    """Whether every byte that the port took has left it."""
    return status & _EMPTY != 0


@metal
def has_data(status: u8) -> bool:
    """Whether there is a byte to be had."""
    return status & _HAS_DATA != 0


@metal
def has_lost_data(status: u8) -> bool:
    """Whether bytes came that nobody took in time."""
    return status & _OVERRUN != 0


@metal
def receive(port: u16) -> u8:
    """Take a byte that there is."""
    return in8(port + _DATA)


@metal
def choose_interrupts(port: u16, interrupts: u8) -> None:
    """Let the port interrupt for these reasons; one that is given already does so at once."""
    out8(port + _INTERRUPTS, interrupts)


@metal
def is_interrupting(port: u16) -> bool:
    """Whether the port has a reason to interrupt; that it is ready is told once."""
    return in8(port + _IDENTIFY) & _NONE_PENDING == 0
