"""What a monitor and its kernel, and the tools on the host, agree on."""

from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import Array, Atomic, Shared, u8, u32, u64
from questv.metal.structs import Struct, sizeof, width

VECTORS = 256


@width(u64)
class Hypercall(IntEnum):
    """What a kernel can ask of its monitor: the number in rax, arguments in rdi and rsi."""

    STARTED = 1  # the kernel runs
    FINISHED = 2  # the kernel runs no more; rdi: 0 if all its tasks have returned
    PANIC = 3  # the kernel can't go on; rdi: why, as the kernel's own records explain it
    APIC_READ = 4  # where a guarded kernel has no x2APIC: register rdi, result in rax
    APIC_WRITE = 5  # likewise: register rdi becomes rsi
    SUSPECT = 6  # the kernel of core rdi seems to hang; result: 0, or 1 if it has ended
    TAKE_OVER = 7  # the sandbox for which this one stands by was released: show what it has left


@width(u32)
class ApicMode(IntEnum):
    """How a kernel reaches its local APIC."""

    GUARDED = 0  # harmless registers directly, interprocessor interrupts through the monitor
    DIRECT = 1  # all of it directly


@width(u32)
class SandboxState(IntEnum):
    """How far a sandbox has come; those from FINISHED on are final."""

    EMPTY = 0
    ENTERED = 1  # its kernel has been entered
    STARTED = 2  # its kernel has said that it runs
    RESTARTING = 3  # its kernel was stopped, and will be entered anew
    FINISHED = 4  # its kernel has said that it is done
    CRASHED = 5  # it was stopped; the last crash record says why
    MONITOR_FAULT = 6  # its monitor stopped itself; the last crash record says why
    CUT_OFF = 7  # its tasks had not all returned when the run, or its time, ended
    RELEASED = 8  # it was stopped, and what it has left is its standby's


@width(u32)
class ExitReason(IntEnum):
    """Why a kernel was left for its monitor, in the terms of any processor."""

    HYPERCALL = 0
    DOORBELL = 1
    APIC = 2  # an access to the local APIC that the monitor has to check
    NMI = 3
    SMI = 4
    INIT = 5
    EXCEPTION = 6  # one that a kernel could have delivered to itself without end
    PAGE_FAULT = 7  # access outside the view
    SHUTDOWN = 8  # triple fault
    INSTRUCTION = 9
    MSR = 10
    PORT = 11
    MACHINE_CHECK = 12
    INVALID_STATE = 13  # the processor refused to enter the kernel
    OTHER = 14


EXIT_REASONS = len(ExitReason)


@width(u32)
class CrashReason(IntEnum):
    """Why a sandbox was stopped."""

    NONE = 0
    READ_OUTSIDE_VIEW = 1
    WRITE_OUTSIDE_VIEW = 2
    EXECUTE_OUTSIDE_VIEW = 3
    SHUTDOWN = 4
    FORBIDDEN_INSTRUCTION = 5
    MSR_READ = 6
    MSR_WRITE = 7
    PORT_READ = 8
    PORT_WRITE = 9
    FORGED_DOORBELL = 10
    FORBIDDEN_APIC_ACCESS = 11
    BAD_HYPERCALL = 12
    KERNEL_PANIC = 13
    MACHINE_CHECK = 14
    UNEXPECTED_EVENT = 15
    INVALID_STATE = 16
    MONITOR_EXCEPTION = 17
    HANG = 18


@width(u32)
class Action(IntEnum):
    """What a monitor does about a fault."""

    STOP = 0
    RESTART = 1
    STOP_STORM = 2  # stop, as there were too many restarts
    FAIL_OVER = 3  # stop, and release what is left for the standby
    STOP_ALONE = 4  # stop, as the standby has ended itself


@width(u32)
class PanicReason(IntEnum):
    """Why a kernel gave up."""

    NONE = 0
    EXCEPTION = 1  # the processor reported one; ``vector`` says which
    TRAP = 2  # compiled code stopped itself; ``trap`` says why
    MESSAGE = 3  # a task or the kernel called panic(); ``text`` says why
    WATCHDOG = 4  # ``task`` has not said in time that it goes on


PANIC_TEXT = 120


class PanicRecord(Struct):
    """What a kernel knew when it gave up."""

    reason: PanicReason
    task: u32  # index of the task that ran, or that was watched
    vector: u32  # of the exception
    trap: u32  # a ``TrapKind``
    error: u64  # the exception's error code
    address: u64  # of a page fault
    rip: u64
    rsp: u64
    rbp: u64
    rflags: u64
    text: Array[u8, PANIC_TEXT]


CALLS = 16
"""So many calls are in a crash record."""


class CrashRecord(Struct):
    """What was found when a kernel was stopped, and what was done. Moments are TSC values.

    What the kernel's own memory says is kept only of one that can be restarted: else it is there to
    be looked at.
    """

    reason: CrashReason
    exit: ExitReason
    action: Action
    incarnation: u32  # whose kernel it was
    code: u64  # the processor's own exit code; for a monitor's exception, its vector
    address: u64  # outside the view: where; else an MSR, a port, or what was written
    detail: u64  # the processor's further information
    time: u64  # when it was found
    decided: u64  # when it was known what to do
    waited: u64  # when the time before a restart was over; 0: not yet, as in those that follow
    restored: u64  # when the kernel's memory was as at its beginning
    entered: u64  # when the next kernel was entered
    started: u64  # when that said that it runs
    rip: u64
    rsp: u64
    rflags: u64
    cr0: u64
    cr2: u64
    cr3: u64
    cr4: u64
    efer: u64
    cs: u64
    rax: u64
    rbx: u64
    rcx: u64
    rdx: u64
    rsi: u64
    rdi: u64
    rbp: u64
    numbered: Array[u64, 8]  # r8 to r15
    calls: Array[u64, CALLS]  # where the calls return to that led to ``rip``, the innermost first
    panic: PanicRecord  # what the kernel said of its panic


class Pulse(Struct):
    """A kernel's sign of life, which it alone writes; its monitor and who watches it read it."""

    time: Shared[u64]  # TSC value when it was given last; 0: not yet


class ExitCounts(Struct):
    """Exits by reason."""

    by_reason: Array[u64, EXIT_REASONS]


CRASHES = 6
"""So many crash records are kept, the newest."""


class PublicPage(Struct, size=4096):
    """The one page that a monitor writes and everybody outside the sandboxes reads."""

    state: Atomic[SandboxState]
    entered: u64  # time-stamp counter when the kernel was first entered
    started: u64  # and when it said that it runs, the newest one
    ended: u64  # and when its state became final
    took_over: u64  # and when it was shown what the sandbox has left for which it stands by
    before: ExitCounts  # exits until the kernel said that it runs, that call included
    after: ExitCounts  # exits from then on
    incarnation: u32  # how often its kernel was restarted
    false_suspicions: u32  # times that its kernel was suspected to hang, and did not
    crash_count: Atomic[u64]  # crash records that are whole, but for what comes after ``decided``
    crashes: Array[CrashRecord, CRASHES]  # the nth, from 0, in place n % CRASHES


assert sizeof(PublicPage) == 4096
