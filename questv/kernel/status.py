"""The kernel's state that tools on the host look at while it runs."""

from __future__ import annotations

from questv.kernel.info import MAX_TASKS, MAX_VCPUS
from questv.kernel.tasksets import TaskSet
from questv.metal.lang import Array, static, u32, u64
from questv.metal.structs import Struct
from questv.monitor.interface import PanicRecord


class EndStatus(Struct):
    """One channel end's counters; they stand in the end's own object (``doorbells.Wait``)."""

    messages: u64  # sent or received
    bytes: u64  # of a ring's messages and their headers; a register's values are all of one size
    waits: u64  # times that its task slept for it
    rung: u64  # doorbells that it sent to the other side
    woken: u64  # doorbells that found it asleep
    late: u64  # doorbells that found it awake again
    resets: u64  # times that the other side was found restarted


class StreamStatus(Struct):
    """A stream's counters; they stand in its own object (``streams.Stream``)."""

    received: u64  # bytes that came
    sent: u64  # bytes
    overruns: u64  # times that the port had to drop what came
    interrupts: u64


RESPONSES = 16
RESPONSES_IN_TIME = 8
"""Response times are told apart in parts of the deadline: into so many up to it."""


class TaskStatus(Struct):
    """One task's counters."""

    switches: u64  # times that the core was taken from another task for it
    used: u64  # ticks that it had the core; not kept where all tasks are best effort
    releases: u64  # calls of its body that have begun
    misses: u64  # calls that ended after their deadlines
    due: u64  # nanoseconds; the deadline of the call that has not ended, or of the next one
    dropped: u64  # releases that were left out, since it was more than a period late
    worst: u64  # nanoseconds; the longest time from a release to the end of its call
    responses: Array[u32, RESPONSES]  # calls by that time, the last for all that took longer


class VcpuStatus(Struct):
    """One VCPU's counters."""

    depletions: u64  # times that it had no budget left for what it had to do
    overruns: u64  # times that its second budget was needed


class MutexStatus(Struct):
    """A mutex's counters; they stand in its own object (``mutexes.Mutex``)."""

    times: u64  # that it was locked and unlocked
    longest: u64  # ticks; what its holder had of the core from the one to the other
    overruns: u64  # times that this was longer than it may be held


class KernelStatus(Struct):
    """All of it."""

    started: u64  # time-stamp counter when the kernel said that it runs
    charged: u64  # likewise, up to which it is known who had the core
    timer_interrupts: u64
    timer_settings: u64  # times that the timer was armed or disarmed
    took_over: u64  # time-stamp counter when stand-ins were needed, and when one had its first call
    stood_in: u64
    spurious: u64  # interrupts that nobody had asked for
    running: u64  # the task that has the core, or had it last
    mode: u64  # 0, or the level of criticality below which tasks have to yield
    mode_changes: u64
    unsent_lines: u64  # of the console, which the serial port was not given
    ready: TaskSet  # the tasks that could run if they were given time
    finished: TaskSet  # those that have ended
    tasks: Array[TaskStatus, MAX_TASKS + 1]  # the last is for the kernel, before any task runs
    vcpus: Array[VcpuStatus, MAX_VCPUS]
    panic: PanicRecord


status: KernelStatus = static(export="kernel_status")
