"""What a monitor and its kernel, and the tools on the host, agree on."""

from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import Array, Atomic, u32, u64
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
    FINISHED = 3  # its kernel has said that it is done
    CRASHED = 4  # it was stopped; the crash record says why
    MONITOR_FAULT = 5  # its monitor stopped itself; the crash record says why
    CUT_OFF = 6  # its tasks had not all returned when the run, or its time, ended


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


class CrashRecord(Struct):
    """What was found when a sandbox was stopped."""

    reason: CrashReason
    exit: ExitReason
    code: u64  # the processor's own exit code; for a monitor's exception, its vector
    address: u64  # outside the view: where; else an MSR, a port, or what was written
    detail: u64  # the processor's further information
    time: u64  # time-stamp counter
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


class ExitCounts(Struct):
    """Exits by reason."""

    by_reason: Array[u64, EXIT_REASONS]


class PublicPage(Struct, size=4096):
    """The one page that a monitor writes and everybody outside the sandboxes reads."""

    state: Atomic[SandboxState]
    entered: u64  # time-stamp counter when the kernel was first entered
    started: u64  # and when it said that it runs
    ended: u64  # and when its state became final
    before: ExitCounts  # exits until the kernel said that it runs, that call included
    after: ExitCounts  # exits from then on
    crash: CrashRecord


assert sizeof(PublicPage) == 4096
