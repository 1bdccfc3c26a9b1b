"""Interrupts that a kernel has left behind: taken, and nothing is done about them.

Which vectors these are is the kernel's choice, those of exceptions among them. So they are taken
by a table of their own, in a window in which the monitor executes nothing that could raise an
exception.
"""

from __future__ import annotations

from questv.arch.x86.apic import X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.descriptors import Gate, TablePointer, set_gate
from questv.arch.x86.instructions import load_idt
from questv.metal.lang import (
    Array,
    addr,
    asm,
    external,
    local,
    metal,
    module_assembly,
    static,
    u8,
    u64,
)
from questv.metal.structs import sizeof
from questv.monitor.interface import VECTORS

_NMI = 2
_END = int(ApicRegister.END_OF_INTERRUPT)

table: Array[Gate, VECTORS] = static()
take_x2apic: u8 = external("monitor_take_x2apic")
take_xapic: u8 = external("monitor_take_xapic")
take_nmi: u8 = external("monitor_take_nmi")

module_assembly(
    f"""
.section .text.monitor_take,"ax",@progbits
.globl monitor_take_x2apic
monitor_take_x2apic:
    push rax
    push rcx
    push rdx
    mov ecx, {X2APIC_MSR_BASE + _END}
    xor eax, eax
    xor edx, edx
    wrmsr
    pop rdx
    pop rcx
    pop rax
    iretq

.globl monitor_take_xapic
monitor_take_xapic:
    push rax
    lea rax, [rip + monitor_apic_page]
    mov dword ptr [rax + {_END * 16}], 0
    pop rax
    iretq

.globl monitor_take_nmi
monitor_take_nmi:
    iretq
"""
)


@metal
def take(x2apic: bool) -> None:
    """Take all interrupts that wait on this core.

    Who sends them to it meanwhile takes longer for each than it takes to end it here.
    """
    handler = addr(take_x2apic) if x2apic else addr(take_xapic)
    for vector in range(u64(VECTORS)):
        set_gate(table[vector], addr(take_nmi) if vector == _NMI else handler, 0)
    kept: TablePointer = local()
    own: TablePointer = local()
    asm("sidt [$0]", None, "r,~{memory}", addr(kept))
    own.limit = sizeof(table) - 1
    own.base = addr(table)
    load_idt(addr(own))
    # An interrupt is taken after the instruction that follows STI (APM vol. 3).
    asm("stgi\nsti\nnop\nnop\ncli\nclgi", None, "~{memory}")
    load_idt(addr(kept))
