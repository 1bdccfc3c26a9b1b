"""What the injector in the emulator is told, and what it tells: a file that both sides have mapped.

The host fills in ``Orders`` before the machine starts, and reads ``Found`` when it has ended.
"""

from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import Array, u8, u32, u64
from questv.metal.structs import Struct, sizeof, width

MAX_CODE = 64
"""Stretches of code that a sandbox can have."""

MAX_BYTES = 16
"""Bytes of memory that a fault changes at most; as many as an instruction has, and one more."""


@width(u32)
class Trigger(IntEnum):
    """How the moment of a fault is told; all are of the sandbox's own instructions."""

    COUNT = 0  # before its instruction number ``count``, from 1
    PLACE = 1  # before it executes what is at ``place`` for the ``count``th time
    TIME = 2  # before its first instruction when the machine's clock has come to ``time``


@width(u32)
class Action(IntEnum):
    """What is done at that moment."""

    NOTHING = 0  # a run without a fault, in which doorbells are looked for
    REGISTER = 1  # flip bits of a register
    MEMORY = 2  # flip bits of memory
    CODE = 3  # put other bytes in the place of the instruction
    KILL = 4  # put a loop there that sleeps with interrupts off
    STALL = 5  # for ``duration``, put a loop there that only waits, with interrupts off
    DROP = 6  # leave the next doorbell out
    REPEAT = 7  # send the next doorbell twice
    DELAY = 8  # send the next doorbell ``duration`` late


class Code(Struct):
    """A stretch of the sandbox's code, by its own addresses; ``ring0``: 1 if it is the kernel's."""

    start: u64
    end: u64
    physical: u64
    ring0: u64


class Orders(Struct):
    """The fault. Times are nanoseconds of the emulator's virtual clock."""

    core: u32
    action: Action
    trigger: Trigger
    register: u32  # by gdb's number
    count: u64
    place: u64
    time: u64
    horizon: u64  # when the run is ended from outside
    duration: u64
    flip: u64  # the bits, of the register or of a word of memory
    address: u64  # in physical memory
    length: u32
    code_count: u32
    bytes: Array[u8, MAX_BYTES]
    code: Array[Code, MAX_CODE]


class Found(Struct):
    """What has become of it. ``time`` is 0 until the moment has come."""

    executed: u64  # the sandbox's own instructions, so far
    passed: u64  # how often it came to the place
    doorbell: u64  # of a run without a fault: the number of the instruction that sent the last
    time: u64  # by the emulator's clock, when the fault was injected
    rip: u64  # the instruction before which that was
    address: u64  # of memory that was changed, or 0
    before: Array[u64, 2]  # what was there, or in the register, and what is now
    after: Array[u64, 2]
    late: u64  # 1: the run was ended at its horizon


class Exchange(Struct):
    """Both."""

    orders: Orders
    found: Found


SIZE = sizeof(Exchange)
