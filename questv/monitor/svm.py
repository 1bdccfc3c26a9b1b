"""Running a guest on AMD's processors (APM vol. 2, 15).

A backend for another kind of processor has the same functions and ``registers``; nothing else of
the monitor knows what a control block is.
"""

from __future__ import annotations

from questv.arch.x86 import svm
from questv.arch.x86.instructions import read_msr, write_msr
from questv.arch.x86.registers import RFLAGS_FIXED, Cr0, Efer, Msr
from questv.arch.x86.svm import ExitCode, Intercept3, Intercept4, SavedRegisters, Vmcb
from questv.arch.x86.svm_run import run_guest
from questv.metal.lang import asm, clear, copy, external, metal, static, u16, u32, u64
from questv.monitor import clock
from questv.monitor.interface import CrashReason, CrashRecord, ExitReason
from questv.monitor.memory import plan

guest: Vmcb = external("monitor_control")
registers: SavedRegisters = static()

_ASID = 1  # each core has one guest and its own TLB
_MSR_LENGTH = 2  # of RDMSR and WRMSR, and of WBINVD
_VMMCALL_LENGTH = 3
_DR7_ENABLED = 0xFF  # L0 to G3 (APM vol. 2, 13.1.1.4)
_IO_READ = 1 << 0  # in exit_info1 (APM vol. 2, 15.10.2)
_IO_STRING = 1 << 2
_IO_BYTE = 1 << 4
_IO_WORD = 1 << 5
_IO_PORT_SHIFT = 16
# What a kernel may choose in EFER: the rest are SVME, and features that nobody needs.
_OWN_EFER = Efer.SYSCALL | Efer.LONG_MODE_ENABLE | Efer.NO_EXECUTE_ENABLE
# Delivering one of the first two can raise it again, for ever and with no moment for an NMI.
INTERCEPTED_EXCEPTIONS = svm.EXCEPTION_DEBUG | svm.EXCEPTION_ALIGNMENT | svm.EXCEPTION_MACHINE_CHECK
# CR0: our kernels keep paging on. QEMU (10 at least) restores the monitor's CR0 before its CR4, and
# where a guest had cleared CR0.PG and CR4.PAE, the monitor went on without paging.
INTERCEPTS3 = (
    Intercept3.NMI
    | Intercept3.SMI
    | Intercept3.INIT
    | Intercept3.CR0_SELECTIVE_WRITE
    | Intercept3.RSM
    | Intercept3.INVD
    | Intercept3.INVLPGA
    | Intercept3.IO
    | Intercept3.MSR
    | Intercept3.FERR_FREEZE
    | Intercept3.SHUTDOWN
)
INTERCEPTS4 = (
    Intercept4.VMRUN
    | Intercept4.VMMCALL
    | Intercept4.VMLOAD
    | Intercept4.VMSAVE
    | Intercept4.STGI
    | Intercept4.CLGI
    | Intercept4.SKINIT
    | Intercept4.WBINVD
    | Intercept4.MONITOR
    | Intercept4.MWAIT
    | Intercept4.MWAIT_ARMED
    | Intercept4.XSETBV
)


# ---- starting and entering -------------------------------------------------------------------


@metal
def start() -> None:
    """Turn SVM on for this core and set the guest up as the plan says."""
    write_msr(u32(Msr.EFER), read_msr(u32(Msr.EFER)) | u64(Efer.SVM_ENABLE))
    write_msr(u32(Msr.VM_HSAVE_PA), plan.host_save)
    set_up(0)
    # From here on, events wait until the guest is entered, and then lead out of it at once.
    asm("clgi", None, "")


@metal
def set_up(incarnation: u64) -> None:
    """Let the guest begin anew, with nothing left of what ran before on this core.

    What VMRUN does not load is left: MSRs that the guest does not reach, and floating-point
    registers, which a kernel loads before any of its tasks uses them.
    """
    clear(guest)
    clear(registers)
    asm("mov dr0, $0\nmov dr1, $0\nmov dr2, $0\nmov dr3, $0", None, "r", u64(0))
    _set_intercepts()
    _set_up_registers()
    if plan.foreign == 0:
        registers.rdi = incarnation


@metal
def _set_intercepts() -> None:
    guest.intercept_exceptions = INTERCEPTED_EXCEPTIONS
    guest.intercept3 = INTERCEPTS3
    guest.intercept4 = INTERCEPTS4
    guest.io_permissions = plan.io_map
    guest.msr_permissions = plan.msr_map
    guest.tsc_offset = clock.correction()
    guest.asid = _ASID
    guest.tlb_control = svm.TLB_FLUSH_ALL
    guest.nested_paging = svm.NESTED_PAGING_ENABLE
    guest.nested_cr3 = plan.nested_tables
    if plan.foreign != 0:
        # XCR0 is of use to the own core alone, and the monitor uses no such registers. CR0 has to
        # be free for a kernel that starts in another mode, whatever QEMU makes of its end.
        guest.intercept4 &= ~Intercept4.XSETBV
        guest.intercept3 &= ~Intercept3.CR0_SELECTIVE_WRITE


@metal
def _set_up_registers() -> None:
    """The guest begins as its plan says, with flat segments and interrupts off."""
    begin = plan.start
    is_64 = begin.efer & u64(Efer.LONG_MODE_ACTIVE) != 0
    _set_segment(guest.cs, svm.SEGMENT_CODE_64 if is_64 else svm.SEGMENT_CODE_32)
    _set_segment(guest.ss, svm.SEGMENT_DATA)
    _set_segment(guest.ds, svm.SEGMENT_DATA)
    _set_segment(guest.es, svm.SEGMENT_DATA)
    guest.tr.attributes = svm.SEGMENT_TASK
    guest.tr.limit = svm.TASK_LIMIT
    guest.efer = begin.efer | u64(Efer.SVM_ENABLE)
    guest.cr0 = begin.cr0
    guest.cr4 = begin.cr4
    guest.cr3 = begin.cr3
    guest.rflags = RFLAGS_FIXED
    guest.g_pat = svm.PAT_RESET
    guest.rip = begin.rip
    guest.rsp = begin.rsp
    registers.rbx = begin.rbx
    registers.rsi = begin.rsi
    registers.rdi = begin.rdi


@metal
def _set_segment(segment: svm.Segment, attributes: u16) -> None:
    segment.attributes = attributes
    segment.limit = svm.SEGMENT_LIMIT


@metal(inline=True)
def enter() -> None:
    """Run the guest until it exits."""
    run_guest(plan.control, registers)


@metal
def keep_translations() -> None:
    """After an entry that has flushed the TLB: flush it no more."""
    guest.tlb_control = 0


@metal
def has_view(nested_tables: u64) -> bool:
    """Whether the guest sees what these tables show."""
    return guest.nested_cr3 == nested_tables


@metal
def set_view(nested_tables: u64) -> None:
    """Let the guest see what these tables show, and nothing by any earlier translation."""
    guest.nested_cr3 = nested_tables
    guest.tlb_control = svm.TLB_FLUSH_ALL


@metal
def reason() -> ExitReason:
    """Why the guest exited."""
    match guest.exit_code:
        case ExitCode.MSR:
            return ExitReason.MSR
        case ExitCode.VMMCALL:
            return ExitReason.HYPERCALL
        case ExitCode.NESTED_PAGE_FAULT:
            return ExitReason.PAGE_FAULT
        case ExitCode.IO:
            return ExitReason.PORT
        case ExitCode.NMI:
            return ExitReason.NMI
        case ExitCode.SMI:
            return ExitReason.SMI
        case ExitCode.INIT:
            return ExitReason.INIT
        case ExitCode.EXCEPTION_DEBUG | ExitCode.EXCEPTION_ALIGNMENT:
            return ExitReason.EXCEPTION
        case ExitCode.SHUTDOWN:
            return ExitReason.SHUTDOWN
        case ExitCode.EXCEPTION_MACHINE_CHECK:
            return ExitReason.MACHINE_CHECK
        case ExitCode.INVALID | ExitCode.INVALID_SHORT:
            return ExitReason.INVALID_STATE
        case (
            ExitCode.CR0_SELECTIVE_WRITE
            | ExitCode.RSM
            | ExitCode.INVD
            | ExitCode.INVLPGA
            | ExitCode.VMRUN
            | ExitCode.VMLOAD
            | ExitCode.VMSAVE
            | ExitCode.STGI
            | ExitCode.CLGI
            | ExitCode.SKINIT
            | ExitCode.WBINVD
            | ExitCode.MONITOR
            | ExitCode.MWAIT
            | ExitCode.MWAIT_ARMED
            | ExitCode.XSETBV
        ):
            return ExitReason.INSTRUCTION
        case _:
            return ExitReason.OTHER


@metal(inline=True)
def is_msr_write_of(number: u32) -> bool:
    """Whether the guest exited to write this MSR; quicker than asking for the reason first."""
    return guest.exit_code == ExitCode.MSR and msr_number() == number and is_msr_write()


@metal
def open_nmi_window() -> None:
    """Let the monitor take the NMI or SMI that an exit was about.

    It stays pending until the global interrupt flag is set (APM vol. 2, 15.17); the monitor's own
    table receives an NMI and returns at once.
    """
    asm("stgi\nnop\nclgi", None, "")


@metal
def halt_until_nmi() -> None:
    """Sleep until an NMI, or the end of another event that waits."""
    asm("stgi\nhlt\nclgi", None, "")


# ---- what an exit was about ------------------------------------------------------------------


@metal(inline=True)
def msr_number() -> u32:
    """The MSR that an exit with reason MSR was about."""
    return u32.wrap(registers.rcx)


@metal(inline=True)
def is_msr_write() -> bool:
    """Whether that exit was about a write."""
    return guest.exit_info1 != 0


@metal(inline=True)
def msr_value() -> u64:
    """The value that was to be written."""
    return registers.rdx << 32 | guest.rax & 0xFFFF_FFFF


@metal(inline=True)
def skip_msr_write() -> None:
    """Let the guest go on after its WRMSR."""
    _skip(_MSR_LENGTH)


@metal(inline=True)
def skip_hypercall(result: u64) -> None:
    """Let the guest go on after its VMMCALL, with a result in rax."""
    guest.rax = result
    _skip(_VMMCALL_LENGTH)


@metal(inline=True)
def _skip(length: u64) -> None:
    # Without the address of the next instruction from the processor, the plain encoding is taken
    # for granted; a guest that uses prefixes goes on in the middle of its own code.
    guest.rip = guest.next_rip if plan.machine.next_rip != 0 else guest.rip + length
    guest.interrupt_shadow = 0  # of an STI, it has ended with the instruction


# ---- what a kernel may do, or what runs below it -------------------------------------------------


@metal
def is_user() -> bool:
    """Whether the guest's kernel was not running, but something that it runs itself."""
    return guest.cpl != 0


@metal
def refuse_opcode() -> None:
    """Give the guest the exception for an instruction that it does not have."""
    guest.event_injection = svm.INJECT_INVALID_OPCODE


@metal
def refuse_instruction() -> None:
    """Give the guest the exception that an intercepted instruction is outside of ring 0.

    Some intercepts come before the look at the privilege (APM vol. 2, 15.9).
    """
    if guest.exit_code == ExitCode.RSM:
        refuse_opcode()
    else:
        guest.event_injection = svm.INJECT_GENERAL_PROTECTION


@metal
def hand_back_debug_exception() -> bool:
    """Give the guest the debug exception that it exited for; false if that was something else.

    A breakpoint on what the processor does to deliver it could raise it again, for ever: then it
    stays an exit.
    """
    if guest.exit_code != ExitCode.EXCEPTION_DEBUG or guest.dr7 & _DR7_ENABLED != 0:
        return False
    guest.event_injection = svm.INJECT_DEBUG
    return True


@metal
def refuse_msr() -> None:
    """Give the guest the exception for an MSR that is not there, or a value that it can't have."""
    guest.event_injection = svm.INJECT_GENERAL_PROTECTION


@metal
def access_efer() -> bool:
    """Read or write EFER for the guest, if this is about it; whether what was asked for is allowed.

    The guest's EFER must keep SVME while it runs (APM vol. 2, 15.5.1), which it does not see. As
    for any kernel, long mode can't be switched while paging is on, and LMA is the processor's.
    """
    if msr_number() != u32(Msr.EFER):
        return False
    hidden = u64(Efer.SVM_ENABLE)
    if not is_msr_write():
        guest.rax = guest.efer & ~hidden
        registers.rdx = 0
    else:
        value = msr_value()
        kept = guest.efer & u64(Efer.LONG_MODE_ACTIVE)
        change = (value ^ guest.efer) & u64(Efer.LONG_MODE_ENABLE)
        if value & ~(u64(_OWN_EFER) | kept) != 0:
            return False
        if change != 0 and guest.cr0 & u64(Cr0.PAGING) != 0:
            return False
        guest.efer = value & u64(_OWN_EFER) | kept | hidden
        guest.tlb_control = svm.TLB_FLUSH_ALL
    _skip(_MSR_LENGTH)
    return True


@metal
def pass_absent_port() -> bool:
    """Answer an access to a port as where there is no device; false for a string of accesses.

    Reading gives ones; what is written goes nowhere (APM vol. 2, 15.10.2).
    """
    access = guest.exit_info1
    if access & _IO_STRING != 0:
        return False
    if access & _IO_READ != 0:
        if access & _IO_BYTE != 0:
            guest.rax |= 0xFF
        elif access & _IO_WORD != 0:
            guest.rax |= 0xFFFF
        else:
            guest.rax = 0xFFFF_FFFF
    guest.rip = guest.exit_info2
    guest.interrupt_shadow = 0
    return True


@metal
def pass_cache_flush() -> bool:
    """Skip an instruction that writes caches back, if it was one: memory stays what it is."""
    if guest.exit_code != ExitCode.WBINVD:
        return False
    _skip(_MSR_LENGTH)
    return True


@metal(inline=True)
def hypercall_number() -> u64:
    """What the guest asks for; its arguments are in ``registers`` rdi and rsi."""
    return guest.rax


# ---- evidence --------------------------------------------------------------------------------


@metal
def describe(crash: CrashRecord, exit: ExitReason) -> None:
    """Write down all that is known of the last exit and of the guest."""
    crash.exit = exit
    crash.reason = _crash_reason(exit)
    crash.code = u64(guest.exit_code)
    crash.detail = guest.exit_info1
    crash.address = guest.exit_info2
    if exit == ExitReason.MSR:
        crash.address = u64(msr_number())
    elif exit == ExitReason.PORT:
        crash.address = guest.exit_info1 >> _IO_PORT_SHIFT
    crash.rip = guest.rip
    crash.rsp = guest.rsp
    crash.rflags = guest.rflags
    crash.cr0 = guest.cr0
    crash.cr2 = guest.cr2
    crash.cr3 = guest.cr3
    crash.cr4 = guest.cr4
    crash.efer = guest.efer
    crash.cs = u64(guest.cs.selector)
    crash.rax = guest.rax
    crash.rbx = registers.rbx
    crash.rcx = registers.rcx
    crash.rdx = registers.rdx
    crash.rsi = registers.rsi
    crash.rdi = registers.rdi
    crash.rbp = registers.rbp
    copy(crash.numbered, registers.numbered)


@metal
def _crash_reason(exit: ExitReason) -> CrashReason:
    match exit:
        case ExitReason.PAGE_FAULT:
            if guest.exit_info1 & svm.NESTED_FAULT_EXECUTE != 0:
                return CrashReason.EXECUTE_OUTSIDE_VIEW
            if guest.exit_info1 & svm.NESTED_FAULT_WRITE != 0:
                return CrashReason.WRITE_OUTSIDE_VIEW
            return CrashReason.READ_OUTSIDE_VIEW
        case ExitReason.MSR:
            return CrashReason.MSR_WRITE if is_msr_write() else CrashReason.MSR_READ
        case ExitReason.PORT:
            is_read = guest.exit_info1 & _IO_READ != 0
            return CrashReason.PORT_READ if is_read else CrashReason.PORT_WRITE
        case ExitReason.SHUTDOWN:
            return CrashReason.SHUTDOWN
        case ExitReason.INSTRUCTION:
            return CrashReason.FORBIDDEN_INSTRUCTION
        case ExitReason.MACHINE_CHECK:
            return CrashReason.MACHINE_CHECK
        case ExitReason.INVALID_STATE:
            return CrashReason.INVALID_STATE
        case _:
            return CrashReason.UNEXPECTED_EVENT
