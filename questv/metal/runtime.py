"""The functions that compiled code needs without naming them.

LLVM replaces copies and fills of memory by calls of these four, whatever the source says, so
every program holds them. They are assembly, since compiled ones would call themselves.
"""

from __future__ import annotations

from questv.metal.lang import Ptr, assembly, u8, u32, u64


@assembly(
    """
    mov rax, rdi
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov ecx, edx
    and ecx, 7
    rep movsb
    ret
    """,
    export="memcpy",
)
def memcpy(to: Ptr[u8], source: Ptr[u8], length: u64) -> Ptr[u8]:
    """Copy ``length`` bytes between places that do not overlap; returns ``to``."""
    raise NotImplementedError


@assembly(
    """
    mov rax, rdi
    mov rcx, rdx
    mov r8, rdi
    sub r8, rsi
    cmp r8, rdx
    jb 1f
    shr rcx, 3
    rep movsq
    mov ecx, edx
    and ecx, 7
    rep movsb
    ret
1:  lea rdi, [rdi + rdx - 1]
    lea rsi, [rsi + rdx - 1]
    std
    rep movsb
    cld
    ret
    """,
    export="memmove",
)
def memmove(to: Ptr[u8], source: Ptr[u8], length: u64) -> Ptr[u8]:
    """Copy ``length`` bytes between places that may overlap; returns ``to``."""
    raise NotImplementedError


@assembly(
    """
    mov r8, rdi
    movzx eax, sil
    mov rcx, 0x0101010101010101
    imul rax, rcx
    mov rcx, rdx
    shr rcx, 3
    rep stosq
    mov ecx, edx
    and ecx, 7
    rep stosb
    mov rax, r8
    ret
    """,
    export="memset",
)
def memset(to: Ptr[u8], value: u32, length: u64) -> Ptr[u8]:
    """Set ``length`` bytes to the low byte of ``value``; returns ``to``."""
    raise NotImplementedError


@assembly(
    """
    mov rcx, rdx
    xor eax, eax  # no bytes are equal: repe leaves this instruction's flags
    repe cmpsb
    je 1f
    movzx eax, byte ptr [rdi - 1]
    movzx ecx, byte ptr [rsi - 1]
    sub eax, ecx
1:  ret
    """,
    export="memcmp",
)
def memcmp(first: Ptr[u8], second: Ptr[u8], length: u64) -> u32:
    """Compare bytes: negative, zero or positive, as a signed number, by the first that differs."""
    raise NotImplementedError
