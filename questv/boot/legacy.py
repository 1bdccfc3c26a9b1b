"""The interrupt controller and timer of the first PC, which every PC still has."""

from __future__ import annotations

from questv.arch.x86.instructions import in8, out8
from questv.metal.lang import metal, u8, u16, u64

_PIC1_DATA, _PIC2_DATA = 0x21, 0xA1
_PIT_CHANNEL0, _PIT_CHANNEL2, _PIT_COMMAND = 0x40, 0x42, 0x43
_CONTROL_PORT = 0x61  # bit 0: gate of PIT channel 2; bit 1: speaker

PIT_FREQUENCY = 1_193_182
"""Ticks of the interval timer (8254) a second."""


@metal
def mask_interrupts() -> None:
    """Mask all sixteen lines of the two 8259 interrupt controllers."""
    out8(_PIC1_DATA, 0xFF)
    out8(_PIC2_DATA, 0xFF)


@metal
def start_metronome(nanoseconds: u64) -> None:
    """Let the masked interval timer tick with this period (at most 50 ms).

    Nobody hears the ticks. They bound the time slices of an emulator that runs all processors in
    turn on one clock: it changes to the next at the latest when a timer is due.
    """
    ticks = min(max(nanoseconds * PIT_FREQUENCY // 1_000_000_000, 2), 0xFFFF)
    out8(_PIT_COMMAND, 0b00_11_010_0)  # channel 0, low then high byte, mode 2: rate generator
    out8(_PIT_CHANNEL0, u8(ticks & 0xFF))
    out8(_PIT_CHANNEL0, u8(ticks >> 8))


@metal
def start_countdown() -> None:
    """Let PIT channel 2 count down from 65,535, about 55 ms, without interrupt or sound."""
    out8(_CONTROL_PORT, in8(_CONTROL_PORT) & 0xFC | 1)
    out8(_PIT_COMMAND, 0b10_11_000_0)  # channel 2, low then high byte, mode 0: count down once
    out8(_PIT_CHANNEL2, 0xFF)
    out8(_PIT_CHANNEL2, 0xFF)


@metal
def countdown() -> u16:
    """The count of PIT channel 2 now."""
    out8(_PIT_COMMAND, 0b10_00_000_0)  # latch channel 2
    low = in8(_PIT_CHANNEL2)
    high = in8(_PIT_CHANNEL2)
    return u16(high) << 8 | u16(low)
