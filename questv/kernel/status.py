"""The kernel's state that tools on the host look at while it runs."""

from __future__ import annotations

from enum import IntEnum

from questv.kernel.info import MAX_TASKS
from questv.metal.lang import Array, static, u8, u32, u64
from questv.metal.structs import Struct, width


class EndStatus(Struct):
    """One channel end's counters; they stand in the end's own object (``doorbells.Wait``)."""

    messages: u64  # sent or received
    bytes: u64  # of a ring's messages; a register's values are all of one size
    waits: u64  # times that its task slept for it
    rung: u64  # doorbells that it sent to the other side
    woken: u64  # doorbells that found it asleep
    late: u64  # doorbells that found it awake again


class StreamStatus(Struct):
    """A stream's counters; they stand in its own object (``streams.Stream``)."""

    received: u64  # bytes that came
    sent: u64  # bytes
    overruns: u64  # times that the port had to drop what came
    interrupts: u64


@width(u32)
class PanicReason(IntEnum):
    """Why a kernel gave up."""

    NONE = 0
    EXCEPTION = 1  # the processor reported one; ``vector`` says which
    TRAP = 2  # compiled code stopped itself; ``trap`` says why
    MESSAGE = 3  # a task or the kernel called panic(); ``text`` says why


PANIC_TEXT = 120


class PanicRecord(Struct):
    """What a kernel knew when it gave up."""

    reason: PanicReason
    task: u32  # index of the task that ran
    vector: u32  # of the exception
    trap: u32  # a ``TrapKind``
    error: u64  # the exception's error code
    address: u64  # of a page fault
    rip: u64
    rsp: u64
    rbp: u64
    rflags: u64
    text: Array[u8, PANIC_TEXT]


class KernelStatus(Struct):
    """All of it."""

    started: u64  # time-stamp counter when the kernel said that it runs
    timer_interrupts: u64
    spurious: u64  # interrupts that nobody had asked for
    running: u64  # the task that has the core: bit n for task n, as in all that follow
    ready: u64  # those that could run
    sleeping: u64  # those that sleep until a time, or wait no longer than until then
    finished: u64  # those that have ended
    switches: Array[u64, MAX_TASKS]  # times that the core was taken from another task for it
    panic: PanicRecord


status: KernelStatus = static(export="kernel_status")
