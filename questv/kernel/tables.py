"""The kernel's own descriptor tables."""

from __future__ import annotations

from questv.arch.x86.descriptors import (
    CODE_DESCRIPTOR,
    CODE_SELECTOR,
    DATA_DESCRIPTOR,
    DATA_SELECTOR,
    GATE_CALL,
    TASK_SELECTOR,
    USER_CODE_DESCRIPTOR,
    USER_DATA_DESCRIPTOR,
    Gate,
    TablePointer,
    TaskState,
    set_gate,
    set_task_descriptor,
)
from questv.arch.x86.instructions import load_gdt, load_idt, load_task_register
from questv.kernel.process_info import SYSTEM_CALL_VECTOR
from questv.kernel.stubs import STUB_SIZE, interrupt_stubs
from questv.metal.lang import Array, addr, assembly, external, local, metal, ptr, static, u8, u64
from questv.metal.structs import sizeof
from questv.monitor.interface import VECTORS

_EXCEPTIONS = 32
_EXCEPTION_STACK = 1  # exceptions come on a stack of their own: the one in use may be the cause

gdt: Array[u64, 7] = static()
idt: Array[Gate, VECTORS] = static()
task_state: TaskState = static(export="kernel_task_state")
exception_stack_top: u8 = external("kernel_exception_stack_top")
system_call_stub: u8 = external("kernel_system_call_stub")


@assembly(
    f"""
    push {CODE_SELECTOR}
    lea rax, [rip + 1f]
    push rax
    retfq
1:  mov eax, {DATA_SELECTOR}
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    ret
    """,
    stack=16,
)
def reload_segments() -> None:
    """Use the new descriptor table's segments."""


@metal
def install() -> None:
    """Load the global, task and interrupt descriptor tables."""
    pointer: TablePointer = local()
    gdt[1] = CODE_DESCRIPTOR
    gdt[2] = DATA_DESCRIPTOR
    gdt[5] = USER_DATA_DESCRIPTOR
    gdt[6] = USER_CODE_DESCRIPTOR
    task_state.interrupt_stack1 = addr(exception_stack_top)
    task_state.io_map_base = sizeof(TaskState)
    set_task_descriptor(ptr(gdt[3]), addr(task_state))
    pointer.limit = sizeof(gdt) - 1
    pointer.base = addr(gdt)
    load_gdt(addr(pointer))
    reload_segments()
    load_task_register(TASK_SELECTOR)
    for vector in range(u64(VECTORS)):
        stack: u8 = _EXCEPTION_STACK if vector < _EXCEPTIONS else 0
        set_gate(idt[vector], addr(interrupt_stubs) + vector * STUB_SIZE, stack)
    set_gate(idt[SYSTEM_CALL_VECTOR], addr(system_call_stub), 0)
    idt[SYSTEM_CALL_VECTOR].attributes = GATE_CALL
    pointer.limit = sizeof(idt) - 1
    pointer.base = addr(idt)
    load_idt(addr(pointer))
