"""What a kernel lets the tools on the host see while it runs: nobody in the machine reads it."""

from __future__ import annotations

from enum import IntEnum

from questv.kernel.info import MAX_ENDS, MAX_TASKS
from questv.metal.lang import Array, static, u8, u32, u64
from questv.metal.structs import Struct, width


@width(u32)
class TaskState(IntEnum):
    """What a task is doing."""

    NONE = 0
    READY = 1  # runs or could run
    SLEEPING = 2  # until a time
    WAITING = 3  # for a doorbell
    FINISHED = 4


class TaskStatus(Struct):
    """One task's counters."""

    state: TaskState
    end: u32  # the channel end that it waits for, while WAITING
    switches: u64  # times that the core was given to it
    wakeups: u64  # times that it became ready again


class EndStatus(Struct):
    """One channel end's counters."""

    messages: u64  # sent or received
    bytes: u64
    waits: u64  # times that its task slept for it
    rung: u64  # doorbells that it sent to the other side
    woken: u64  # doorbells that found it asleep
    late: u64  # doorbells that found it awake again
    violations: u64  # times that the other side broke the channel's rules


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
    doorbells: u64
    spurious: u64  # interrupts that nobody had asked for
    idle_entries: u64  # times that the core went to sleep
    tasks: Array[TaskStatus, MAX_TASKS]
    ends: Array[EndStatus, MAX_ENDS]
    panic: PanicRecord


status: KernelStatus = static(export="kernel_status")
