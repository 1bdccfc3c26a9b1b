"""The assembly half of ``trapping``: a call that a signal handler can leave early."""

from __future__ import annotations

from questv.metal.lang import Ptr, assembly, u64


@assembly(
    """
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    sub rsp, 8
    mov [rdi], rsp
    lea rax, [rip + 1f]
    mov [rdi + 8], rax
    mov r11, rsi
    mov r10, rdx
    mov rdi, [r10]
    mov rsi, [r10 + 8]
    mov rdx, [r10 + 16]
    mov rcx, [r10 + 24]
    mov r8, [r10 + 32]
    mov r9, [r10 + 40]
    call r11
1:  add rsp, 8
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
    """,
    stack=64,
)
def enter(saved: Ptr[u64], function: u64, arguments: Ptr[u64]) -> u64:
    """Call ``function`` with six arguments; ``saved`` gets the stack pointer and the way out."""
    raise NotImplementedError


@assembly(
    """
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov rbx, rsp
    mov rsp, rdi
    mov r11, rsi
    mov r10, rdx
    mov rdi, [r10]
    mov rsi, [r10 + 8]
    mov rdx, [r10 + 16]
    mov rcx, [r10 + 24]
    mov r8, [r10 + 32]
    mov r9, [r10 + 40]
    call r11
    mov rsp, rbx
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
    """,
    stack=48,
)
def enter_on_stack(top: u64, function: u64, arguments: Ptr[u64]) -> u64:
    """Call ``function`` with six arguments on a stack that ends at ``top``."""
    raise NotImplementedError
