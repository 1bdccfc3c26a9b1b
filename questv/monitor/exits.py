"""What a monitor does when its kernel was left: the whole policy of isolation in normal running."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.apic import X2APIC_MSR_BASE, ApicRegister
from questv.metal.lang import RELAXED, RELEASE, metal, u32, u64
from questv.monitor import apic, clock, end, evidence, recovery, suspicion, svm, takeover
from questv.monitor.interface import (
    CrashReason,
    ExitReason,
    Hypercall,
    SandboxState,
)
from questv.monitor.memory import plan, public

_COMMAND_MSR = X2APIC_MSR_BASE + int(ApicRegister.COMMAND)
_TIMER_MSR = X2APIC_MSR_BASE + int(ApicRegister.TIMER)


@metal(inline=True)
def handle() -> None:
    """Count an exit and do what it asks for, or stop the sandbox."""
    if svm.is_msr_write_of(_COMMAND_MSR):
        _count(ExitReason.DOORBELL)
        if not apic.ring(svm.msr_value()):
            _stop_for(CrashReason.FORGED_DOORBELL, svm.msr_value(), ExitReason.DOORBELL)
        svm.skip_msr_write()
    else:
        _handle_other(svm.reason())


@metal
def _handle_other(reason: ExitReason) -> None:
    svm.keep_translations()
    match reason:
        case ExitReason.HYPERCALL:
            _hypercall()
        case ExitReason.NMI | ExitReason.SMI:
            svm.open_nmi_window()
            if end.run_ended(0):
                end.stop()
            _count(reason)
            silence = suspicion.silence()
            if silence != 0:
                _stop_for(CrashReason.HANG, silence, reason)
        case ExitReason.MSR:
            if svm.is_msr_write_of(_TIMER_MSR):
                _set_timer(svm.msr_value())
            else:
                _access_msr()
        case ExitReason.PORT:
            if plan.absent == 0 or not svm.pass_absent_port():
                stop(reason)
            _count(reason)
        case ExitReason.INSTRUCTION:
            _instruction()
            _count(reason)
        case ExitReason.EXCEPTION:
            if not svm.is_user() or not svm.hand_back_debug_exception():
                stop(reason)
            _count(reason)
        case _:
            stop(reason)


@metal
def _instruction() -> None:
    """An instruction that no kernel may execute; what runs below a kernel could not anyway."""
    if svm.is_user():
        svm.refuse_instruction()
    elif plan.absent == 0 or not svm.pass_cache_flush():
        stop(ExitReason.INSTRUCTION)


@metal
def _set_timer(value: u64) -> None:
    """Let a guarded kernel say how its timer interrupts: once, before it has started."""
    _count(ExitReason.APIC)
    if apic.is_one_shot(value):
        apic.write(u64(ApicRegister.TIMER), value)
        svm.skip_msr_write()
    elif plan.absent != 0:
        svm.refuse_msr()
    else:
        _stop_for(CrashReason.FORBIDDEN_APIC_ACCESS, u64(ApicRegister.TIMER), ExitReason.APIC)


@metal
def _access_msr() -> None:
    """An MSR that is not the kernel's own, but for EFER, of which another's kernel has a part."""
    if plan.foreign == 0 or not svm.access_efer():
        if plan.absent == 0:
            stop(ExitReason.MSR)
        svm.refuse_msr()
    _count(ExitReason.MSR)


@metal(inline=True)
def _count(reason: ExitReason) -> None:
    if public.state.load(RELAXED) == SandboxState.STARTED:
        public.after.by_reason[u32(reason)] += 1
    else:
        public.before.by_reason[u32(reason)] += 1


@metal
def stop(reason: ExitReason) -> NoReturn:
    """Take the core from a kernel that did what its plan does not allow."""
    _count(reason)
    record = evidence.begin()[0]
    svm.describe(record, reason)
    recovery.handle(record)


@metal
def _stop_for(crash: CrashReason, address: u64, reason: ExitReason) -> NoReturn:
    """The same, for a reason that only the monitor's own checks tell; it has been counted."""
    record = evidence.begin()[0]
    svm.describe(record, reason)
    record.reason = crash
    record.address = address
    recovery.handle(record)


# ---- hypercalls: everything in them is hostile -----------------------------------------------


@metal
def _hypercall() -> None:
    if svm.is_user():
        _count(ExitReason.HYPERCALL)
        svm.refuse_opcode()  # only a kernel speaks for its sandbox
        return
    argument = svm.registers.rdi
    match Hypercall(svm.hypercall_number()):
        case Hypercall.APIC_READ:
            _count(ExitReason.APIC)
            if not apic.may_read(argument):
                _stop_for(CrashReason.FORBIDDEN_APIC_ACCESS, argument, ExitReason.APIC)
            svm.skip_hypercall(apic.read(argument))
        case Hypercall.APIC_WRITE:
            _apic_write(argument, svm.registers.rsi)
            svm.skip_hypercall(0)
        case Hypercall.STARTED:
            _count(ExitReason.HYPERCALL)
            if public.state.load(RELAXED) != SandboxState.ENTERED:
                _stop_for(CrashReason.BAD_HYPERCALL, u64(Hypercall.STARTED), ExitReason.HYPERCALL)
            public.started = clock.now()
            if public.incarnation != 0:
                evidence.last()[0].started = public.started
            public.state.store(SandboxState.STARTED, RELEASE)
            svm.skip_hypercall(0)
        case Hypercall.FINISHED:
            # Not counted: it is the end of the running.
            end.end(SandboxState.FINISHED if argument == 0 else SandboxState.CUT_OFF)
        case Hypercall.TAKE_OVER:
            _count(ExitReason.HYPERCALL)
            if not takeover.take_over():
                _stop_for(CrashReason.BAD_HYPERCALL, u64(Hypercall.TAKE_OVER), ExitReason.HYPERCALL)
            svm.skip_hypercall(0)
        case Hypercall.PANIC:
            _count(ExitReason.HYPERCALL)
            _stop_for(CrashReason.KERNEL_PANIC, argument, ExitReason.HYPERCALL)
        case Hypercall.SUSPECT:
            _count(ExitReason.HYPERCALL)
            if not suspicion.may_suspect(argument):
                _stop_for(CrashReason.BAD_HYPERCALL, u64(Hypercall.SUSPECT), ExitReason.HYPERCALL)
            svm.skip_hypercall(0 if suspicion.suspect(argument) else 1)
        case _:
            _count(ExitReason.HYPERCALL)
            _stop_for(CrashReason.BAD_HYPERCALL, svm.hypercall_number(), ExitReason.HYPERCALL)


@metal
def _apic_write(register: u64, value: u64) -> None:
    """A write to the local APIC where the kernel can't reach it; doorbells are among them."""
    if register == u64(ApicRegister.COMMAND):
        _count(ExitReason.DOORBELL)
        if not apic.ring(value):
            _stop_for(CrashReason.FORGED_DOORBELL, value, ExitReason.DOORBELL)
        return
    _count(ExitReason.APIC)
    if not apic.may_write(register, value):
        _stop_for(CrashReason.FORBIDDEN_APIC_ACCESS, register, ExitReason.APIC)
    apic.write(register, value)
