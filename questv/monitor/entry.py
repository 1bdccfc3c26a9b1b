"""A monitor's first instructions, its descriptor tables, and what an exception in it does."""

from __future__ import annotations

from typing import NoReturn

from questv.arch.x86.descriptors import (
    CODE_DESCRIPTOR,
    CODE_SELECTOR,
    DATA_DESCRIPTOR,
    Gate,
    TablePointer,
    set_gate,
)
from questv.arch.x86.instructions import load_gdt, load_idt, read_cr2
from questv.metal.lang import (
    Array,
    Ptr,
    addr,
    asm,
    assembly,
    constant,
    external,
    local,
    metal,
    module_assembly,
    static,
    trap,
    u8,
    u64,
)
from questv.metal.structs import sizeof
from questv.monitor import end, evidence
from questv.monitor.interface import Action, CrashReason, ExitReason, SandboxState

EXCEPTIONS = 32
_NMI = 2
_STUB_SIZE = 16
_WITH_ERROR_CODE = 0x6022_7D00  # vectors 8, 10 to 14, 17, 21, 29 and 30 (APM vol. 2, 8.2)

exception_stubs: u8 = external("monitor_exception_stubs")
again: u8 = external("monitor_again")
gdt: Array[u64, 3] = constant([0, CODE_DESCRIPTOR, DATA_DESCRIPTOR])
idt: Array[Gate, EXCEPTIONS] = static()
_failed: bool = static(False)

module_assembly(
    """
.section .text.monitor_entry,"ax",@progbits
.globl monitor_entry
monitor_entry:                      # rdi: own page tables, rsi: top of the own stack
    mov cr3, rdi
    mov rsp, rsi
    xor ebp, ebp                    # the end of every stack trace
    call monitor_main
    ud2

.globl monitor_again
monitor_again:                      # rdi: top of the own stack
    mov rsp, rdi
    xor ebp, ebp
    call monitor_run
    ud2

.section .text.monitor_exception_stubs,"ax",@progbits
.p2align 4
.globl monitor_exception_stubs
monitor_exception_stubs:
"""
    + "\n".join(
        ".p2align 4\n"
        + ("iretq" if vector == _NMI else f"push {vector}; jmp monitor_exception_common")
        for vector in range(EXCEPTIONS)
    )
    + """
monitor_exception_common:
    mov rdi, rsp
    call monitor_exception
    ud2
"""
)


@assembly(
    f"""
    push {CODE_SELECTOR}
    lea rax, [rip + 1f]
    push rax
    retfq
1:  xor eax, eax
    mov ds, eax
    mov es, eax
    mov ss, eax
    ret
    """,
    stack=16,
)
def reload_segments() -> None:
    """Use the new descriptor table's code segment, and none for data: 64-bit code needs none."""


@metal
def install_tables() -> None:
    """Load this monitor's own descriptor tables."""
    pointer: TablePointer = local()
    pointer.limit = sizeof(gdt) - 1
    pointer.base = addr(gdt)
    load_gdt(addr(pointer))
    reload_segments()
    for vector in range(u64(EXCEPTIONS)):
        set_gate(idt[vector], addr(exception_stubs) + vector * _STUB_SIZE, 0)
    pointer.limit = sizeof(idt) - 1
    pointer.base = addr(idt)
    load_idt(addr(pointer))


@metal
def begin_again(stack_top: u64) -> NoReturn:
    """Run the kernel that is set up, with nothing left on the stack."""
    asm("jmp $0", None, "r,{rdi}", addr(again), stack_top)
    trap()


@metal(export="monitor_exception")
def exception(frame: Ptr[u64]) -> NoReturn:
    """An exception in the monitor itself: keep the evidence, stop this core and nothing else."""
    global _failed
    if _failed:
        end.park()  # what follows has failed itself
    _failed = True
    vector = frame[0]
    error: u64 = 1 if u64(_WITH_ERROR_CODE) >> (vector & 31) & 1 != 0 else 0
    crash = evidence.begin()[0]
    crash.reason = CrashReason.MONITOR_EXCEPTION
    crash.exit = ExitReason.OTHER
    crash.cr2 = read_cr2()
    crash.code = vector
    crash.detail = frame[1] if error != 0 else 0
    crash.rip = frame[1 + error]
    crash.rflags = frame[3 + error]
    crash.rsp = frame[4 + error]
    evidence.complete(crash, Action.STOP)
    end.end(SandboxState.MONITOR_FAULT)
