"""Foreign kernels in assembly, for tests: each leaves what it has found at ``RESULTS``."""

from __future__ import annotations

RESULTS = 0x1F_0000
WORDS = 32

STARTED = "mov eax, 1\n vmmcall\n"
FINISHED = "mov eax, 2\n xor edi, edi\n vmmcall\n"

HEAD = """
        .intel_syntax noprefix
        .globl  _start
        .type   _start, @function
        .macro  result index, register
        mov     qword ptr [0x1f0000 + 8 * \\index], \\register
        .endm
"""

# In 64-bit mode: exceptions 6 and 13 are counted at ``RESULTS`` + 0xf0 and 0xf8, and what has
# raised them is skipped, two bytes each. Vector 0x40 sets the word at ``RESULTS`` + 0xe8.
HANDLERS = """
        .macro  gate vector, handler, selector
        lea     rax, [rip + \\handler]
        mov     word ptr [idt + 16 * \\vector], ax
        mov     word ptr [idt + 16 * \\vector + 2], \\selector
        mov     word ptr [idt + 16 * \\vector + 4], 0x8e00
        shr     rax, 16
        mov     word ptr [idt + 16 * \\vector + 6], ax
        shr     rax, 16
        mov     dword ptr [idt + 16 * \\vector + 8], eax
        .endm

install:
        lgdt    [gdt_pointer]
        push    8
        lea     rax, [rip + 1f]
        push    rax
        retfq
1:      mov     eax, 16
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        gate    6, invalid_opcode, 8
        gate    13, protection, 8
        gate    0x40, timer, 8
        lidt    [idt_pointer]
        ret

invalid_opcode:
        add     qword ptr [rsp], 2
        inc     qword ptr [0x1f00f0]
        iretq
protection:
        add     rsp, 8
        add     qword ptr [rsp], 2
        inc     qword ptr [0x1f00f8]
        iretq
timer:
        inc     qword ptr [0x1f00e8]
        iretq

        .balign 16
gdt:    .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff
        .quad   0x00cff3000000ffff, 0x00affb000000ffff  # for users: data, code
gdt_pointer:
        .word   . - gdt - 1
        .quad   gdt
idt_pointer:
        .word   16 * 65 - 1
        .quad   idt
        .balign 16
idt:    .skip   16 * 65
"""

NOTE = """
        .section .note.Xen, "a", @note
        .balign 4
        .long   4, 8, 18
        .asciz  "Xen"
        .quad   _start
        .text
"""


def kernel(body: str) -> str:
    """A kernel that begins in 64-bit mode, with handlers, and finishes after ``body``."""
    return f"{HEAD}\n_start: call install\n{STARTED}{body}\n{FINISHED}\n ud2\n{HANDLERS}"


def pvh_kernel(body: str, then: str) -> str:
    """A kernel with a PVH entry: ``body`` in 32-bit mode, then, in long mode, ``then``."""
    return f"""{HEAD}
        .code32
_start: mov     esp, 0x1e0000
        {body}
        # Identity map of the lowest GiB, then long mode (APM vol. 2, 14.6).
        mov     edi, 0x10000
        mov     cr3, edi
        mov     dword ptr [0x10000], 0x11003
        mov     dword ptr [0x11000], 0x12003
        mov     edi, 0x12000
        mov     eax, 0x83
        mov     ecx, 512
1:      mov     [edi], eax
        add     edi, 8
        add     eax, 0x200000
        loop    1b
        mov     eax, cr4
        or      eax, 0x20
        mov     cr4, eax
        mov     ecx, 0xc0000080
        rdmsr
        or      eax, 0x901              # SCE, LME, NXE
        wrmsr
        mov     eax, cr0
        or      eax, 0x80000000
        mov     cr0, eax
        lgdt    [gdt_pointer]
        push    8
        push    offset long_mode
        retf
        .code64
long_mode:
        call    install
        {STARTED}{then}
        {FINISHED}
        ud2
{HANDLERS}{NOTE}"""
