"""Proof, at every boot, that what isolation rests on works on this machine.

A guest of a few bytes, in real mode with paging off, tries what must not pass. Each attempt has
to end in the exit that the monitors rely on.
"""

from __future__ import annotations

from questv.arch.x86 import svm
from questv.arch.x86.apic import X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.instructions import read_msr
from questv.arch.x86.machine import MachineFacts
from questv.arch.x86.paging import ACCESSED, DIRTY, ENTRIES, NO_EXECUTE, PRESENT, USER, WRITABLE
from questv.arch.x86.registers import Msr
from questv.arch.x86.svm import ExitCode, Intercept3, Intercept4, SavedRegisters, Vmcb
from questv.arch.x86.svm_guest import confine, real_mode, turn_svm_on
from questv.arch.x86.svm_run import run_guest
from questv.boot.plan import BootPlan
from questv.boot.serial import say, stop
from questv.metal.lang import (
    Array,
    Ptr,
    addr,
    clear,
    external,
    metal,
    module_assembly,
    static,
    u8,
    u32,
    u64,
)
from questv.metal.structs import Struct

_CODE, _READ_ONLY, _NOT_EXECUTABLE, _ABSENT = 0x1000, 0x2000, 0x3000, 0x5000
_TABLE = PRESENT | WRITABLE | USER
_PAGE = PRESENT | USER | ACCESSED | DIRTY
_SOME_PORT = 0x70
_SOME_MSR = int(Msr.APIC_BASE)
_APIC_ID_MSR = X2APIC_MSR_BASE + int(ApicRegister.ID)


class Pages(Struct):
    """Everything that the processor wants on pages of its own."""

    control: Vmcb
    host_save: Array[u8, 4096]
    tables: Array[Array[u64, ENTRIES], 4]  # nested page tables, from the top one down
    io_map: Array[u8, svm.IO_MAP_SIZE]


pages: Pages = external("probe_pages")
registers: SavedRegisters = static()
msr_map: u64 = static(0)
code_page: u8 = external("probe_code")

read_outside: u8 = external("probe_read_outside")
write_read_only: u8 = external("probe_write_read_only")
execute_data: u8 = external("probe_execute_data")
write_port: u8 = external("probe_write_port")
read_msr_denied: u8 = external("probe_read_msr_denied")
write_msr_denied: u8 = external("probe_write_msr_denied")
read_msr_allowed: u8 = external("probe_read_msr_allowed")
call_monitor: u8 = external("probe_call_monitor")
crash: u8 = external("probe_crash")

module_assembly(
    f"""
.section .bss.probe_pages,"aw",@nobits
.p2align 12
.globl probe_pages
probe_pages: .skip {Pages.__metal_type__.size}

.section .rodata.probe_code,"a",@progbits
.p2align 12
.globl probe_code
probe_code:
.code16
.globl probe_read_outside
probe_read_outside:     mov al, [{_ABSENT}]
.globl probe_write_read_only
probe_write_read_only:  mov [{_READ_ONLY}], al
.globl probe_execute_data
probe_execute_data:     mov ax, {_NOT_EXECUTABLE}
                        jmp ax
.globl probe_write_port
probe_write_port:       out {_SOME_PORT}, al
.globl probe_read_msr_denied
probe_read_msr_denied:  rdmsr
                        vmmcall
.globl probe_write_msr_denied
probe_write_msr_denied: wrmsr
                        vmmcall
.globl probe_read_msr_allowed
probe_read_msr_allowed: mov ecx, {_APIC_ID_MSR}
                        rdmsr
.globl probe_call_monitor
probe_call_monitor:     vmmcall
.globl probe_crash
probe_crash:            int3
.p2align 12
.code64
"""
)


@metal
def run(machine: MachineFacts, plan: BootPlan) -> None:
    """Run all probes on this core; the first that fails ends the boot."""
    global msr_map
    msr_map = plan.msr_map
    turn_svm_on(addr(pages.host_save))
    _build_tables()
    for i in range(u64(svm.IO_MAP_SIZE)):
        pages.io_map[i] = 0xFF

    _try(addr(read_outside), ExitCode.NESTED_PAGE_FAULT)
    _fault("a read outside the view", _ABSENT, 0)
    _try(addr(write_read_only), ExitCode.NESTED_PAGE_FAULT)
    _fault("a write to read-only memory", _READ_ONLY, svm.NESTED_FAULT_WRITE)
    _try(addr(execute_data), ExitCode.NESTED_PAGE_FAULT)
    _fault("execution of data", _NOT_EXECUTABLE, svm.NESTED_FAULT_EXECUTE)
    _try(addr(write_port), ExitCode.IO)
    _try(addr(call_monitor), ExitCode.VMMCALL)
    _try(addr(crash), ExitCode.SHUTDOWN)
    _try(addr(read_msr_denied), ExitCode.MSR)
    _try(addr(write_msr_denied), ExitCode.MSR)
    _try_wide_msrs()
    if machine.x2apic != 0:
        _allow_read(_APIC_ID_MSR)
        _try(addr(read_msr_allowed), ExitCode.VMMCALL)


@metal
def _build_tables() -> None:
    """Nested tables that show three pages: the code, and it again without one right each."""
    code = addr(code_page)
    for level in range(u64(3)):
        pages.tables[level][0] = addr(pages.tables[level + 1]) | _TABLE
    pages.tables[3][_CODE >> 12] = code | _PAGE | WRITABLE
    pages.tables[3][_READ_ONLY >> 12] = code | _PAGE
    pages.tables[3][_NOT_EXECUTABLE >> 12] = code | _PAGE | WRITABLE | NO_EXECUTE


@metal
def _allow_read(msr: u32) -> None:
    """Clear the read bit of an MSR of the first range; each MSR has two bits."""
    permissions = Ptr[u8](msr_map)
    permissions[msr >> 2] &= ~(u8(1) << u8((msr & 3) * 2))


@metal
def _try_wide_msrs() -> None:
    """Read and write an MSR that the map denies, by numbers of which only the lower half says so.

    RDMSR and WRMSR ignore the upper half of rcx. QEMU does not when it looks into the map (up to
    10.0 at least), and must find a guard behind it: otherwise a guarded kernel could stop others.
    """
    for bit in range(u64(32)):
        _try_wide_msr(u64(1) << bit)
    _try_wide_msr(3)


@metal
def _try_wide_msr(high: u64) -> None:
    if _passes(addr(read_msr_denied), high) or _passes(addr(write_msr_denied), high):
        say(
            f"the platform probe failed: a guest gets around its MSR map by {high:x} in the upper "
            "half of rcx; this machine's SVM can't isolate, use another machine or QEMU"
        )
        stop()


@metal
def _passes(start: u64, high: u64) -> bool:
    """Whether the guest gets past the instruction at a label, to the call after it."""
    _run(start, high)
    return pages.control.exit_code == ExitCode.VMMCALL


@metal
def _try(start: u64, expected: ExitCode) -> None:
    """Run the guest from one of the labels; it has to end with the expected exit."""
    _run(start, 0)
    guest = pages.control
    if guest.exit_code != expected:
        say(
            f"the platform probe failed: exit {u64(guest.exit_code):x} at {guest.rip:x} instead of "
            f"{u64(expected):x}; this machine's SVM can't isolate, use another machine or QEMU"
        )
        stop()


@metal
def _run(start: u64, high: u64) -> None:
    """Run the guest from one of the labels, with ``high`` in the upper half of rcx."""
    guest = pages.control
    clear(guest)
    guest.intercept_exceptions = 0
    guest.intercept3 = Intercept3.IO | Intercept3.MSR | Intercept3.SHUTDOWN
    guest.intercept4 = Intercept4.VMRUN | Intercept4.VMMCALL
    confine(guest, addr(pages.tables), msr_map, addr(pages.io_map))
    real_mode(guest, u64(_CODE) + start - addr(code_page))
    # Of use to the MSR accesses only. A write that passes changes nothing.
    value = read_msr(_SOME_MSR)
    registers.rcx = high << 32 | _SOME_MSR
    registers.rdx = value >> 32
    guest.rax = value & 0xFFFF_FFFF
    run_guest(addr(guest), registers)


@metal
def _fault(what: str, address: u64, kind: u64) -> None:
    """The nested page fault must name the address and the kind of access."""
    kinds: u64 = svm.NESTED_FAULT_WRITE | svm.NESTED_FAULT_EXECUTE
    guest = pages.control
    if guest.exit_info2 != address or guest.exit_info1 & kinds != kind:
        say(
            f"the platform probe failed: {what} is reported as {guest.exit_info1:x} at "
            f"{guest.exit_info2:x}; this machine's SVM can't isolate, use another machine or QEMU"
        )
        stop()
