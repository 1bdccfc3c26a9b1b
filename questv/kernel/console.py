"""The kernel's console: a ring of lines in its own memory, which the host reads live.

Writing never waits. A line that the host has not read when its place is needed again is lost, and
the numbers of the lines show how many were.
"""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel.status import status
from questv.metal.lang import RELAXED, RELEASE, Array, Atomic, fence, metal, static, u8, u32, u64
from questv.metal.structs import Struct, sizeof
from questv.text import LINE, Line

SLOTS = 64


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


console: Console = static(export="kernel_console")


@metal
def store(line: Line) -> u64:
    """Put a line of whoever has the core into the ring; its number. Interrupts are off."""
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
    return number
