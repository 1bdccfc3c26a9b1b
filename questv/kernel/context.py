"""Leaving one stack for another."""

from __future__ import annotations

from questv.kernel.info import Call
from questv.metal.lang import Ptr, addr, assembly, external, metal, module_assembly, u8, u64

FIRST_STACK = 2 * 8
"""Bytes that a task's stack holds when ``kernel_task_main`` is called."""
SWITCH_STACK = 6 * 8 + 8
"""Bytes that a task which does not have the core keeps on its stack."""

_first_instruction: u8 = external("kernel_task_first_instruction")


module_assembly(
    """
.section .text.kernel_task_first_instruction,"ax",@progbits
.globl kernel_task_first_instruction
.type kernel_task_first_instruction,@function
kernel_task_first_instruction:
    xor ebp, ebp                    # the end of every stack trace
    push rbp
    push rbp                        # calls begin on 16 bytes, as code with floats relies on
    call kernel_task_main
    ud2
.size kernel_task_first_instruction, . - kernel_task_first_instruction
"""
)


@assembly(
    """
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rdi], rsp
    mov rsp, rsi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
    """,
    stack=SWITCH_STACK,
)
def switch(save: Ptr[u64], stack_pointer: u64) -> None:
    """Keep this context's stack pointer at ``save`` and go on with another's."""


@assembly(
    """
    push rbp                        # calls begin on 16 bytes, and traces go through here
    mov rbp, rsp
    mov rax, rdi
    test sil, sil
    jz 1f
    movsd xmm0, [rax + 56]
    movsd xmm1, [rax + 64]
    movsd xmm2, [rax + 72]
    movsd xmm3, [rax + 80]
    movsd xmm4, [rax + 88]
    movsd xmm5, [rax + 96]
1:  mov rdi, [rax + 8]
    mov rsi, [rax + 16]
    mov rdx, [rax + 24]
    mov rcx, [rax + 32]
    mov r8, [rax + 40]
    mov r9, [rax + 48]
    call [rax]
    pop rbp
    ret
    """,
    stack=2 * 8,
)
def call(what: Ptr[Call], with_floats: bool) -> None:
    """Call a task's function with its arguments, those in floating point too if it has any."""


@metal
def frame(stack_pointer: u64) -> u64:
    """The frame, with the return address above it, of whoever left its stack at this pointer."""
    return stack_pointer + SWITCH_STACK - 2 * 8


@metal
def prepare(stack_top: u64) -> u64:
    """Make a stack on which ``switch`` begins a task in ``kernel_task_main``; its pointer."""
    stack = Ptr[u64](stack_top - SWITCH_STACK)
    for i in range(u64(SWITCH_STACK // 8 - 1)):
        stack[i] = 0
    stack[SWITCH_STACK // 8 - 1] = addr(_first_instruction)
    return stack_top - SWITCH_STACK
