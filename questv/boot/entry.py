"""The first instructions: from the firmware's 32-bit mode, and each later core's 16-bit mode.

Both end in 64-bit mode with the lowest 8 GiB mapped to themselves in pages of 2 MiB.
"""

from __future__ import annotations

from questv.arch.x86.descriptors import CODE_DESCRIPTOR, CODE_SELECTOR, DATA_DESCRIPTOR
from questv.arch.x86.paging import (
    ENTRIES,
    HUGE_PAGE_SIZE,
    LARGE,
    LARGE_PAGE_SIZE,
    PAGE_SIZE,
    PRESENT,
    WRITABLE,
)
from questv.metal.lang import Array, external, module_assembly, static, u8, u64

TRAMPOLINE = 0x8000
"""Where a later core starts: any page below 1 MiB that the firmware leaves alone."""

IDENTITY_MAP_SIZE = 8 * HUGE_PAGE_SIZE
"""What the boot can reach."""

BOOT_STACK_SIZE = 0x2000
_PROTECTED_SELECTOR = 0x18  # 32-bit code, only while changing modes

top_table: Array[u64, ENTRIES] = static(export="boot_top_table")

# What the next core is to start with; one core is started at a time.
next_core: u64 = static(0, export="boot_next_core")
next_stack: u64 = static(0, export="boot_next_stack")

trampoline_start: u8 = external("boot_trampoline")
trampoline_end: u8 = external("boot_trampoline_end")

_TABLE = PRESENT | WRITABLE
_DIRECTORIES = IDENTITY_MAP_SIZE // HUGE_PAGE_SIZE

module_assembly(
    f"""
.section .bss.boot_tables,"aw",@nobits
.p2align 12
boot_directory_pointers: .skip {PAGE_SIZE}
boot_directories: .skip {_DIRECTORIES * PAGE_SIZE}
.p2align 4
boot_stack: .skip {BOOT_STACK_SIZE}
boot_stack_top:

.section .rodata.boot_gdt,"a",@progbits
.p2align 3
boot_gdt:
    .quad 0
    .quad {CODE_DESCRIPTOR}
    .quad {DATA_DESCRIPTOR}
    .quad 0x00CF9B000000FFFF
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt

# ---- the first core: PVH entry, 32-bit, paging off, ebx points to the start information -------
.section .text.boot_entry,"ax",@progbits
.code32
.globl boot_entry
boot_entry:
    cli
    cld
    mov esp, offset boot_stack_top
    mov esi, ebx

    # Identity map: one top entry, {_DIRECTORIES} directories of {ENTRIES} pages of 2 MiB.
    mov edi, offset boot_directories
    mov eax, {PRESENT | WRITABLE | LARGE}
    xor edx, edx                # the upper half of an entry
    mov ecx, {_DIRECTORIES * ENTRIES}
1:  mov [edi], eax
    mov [edi + 4], edx
    add eax, {LARGE_PAGE_SIZE}
    adc edx, 0
    add edi, 8
    dec ecx
    jnz 1b
    mov eax, offset boot_directories + {_TABLE}
    mov edi, offset boot_directory_pointers
    mov ecx, {_DIRECTORIES}
2:  mov [edi], eax
    add eax, {PAGE_SIZE}
    add edi, 8
    dec ecx
    jnz 2b
    mov eax, offset boot_directory_pointers + {_TABLE}
    mov [boot_top_table], eax

    lgdt [boot_gdt_pointer]
    mov edi, offset boot_first_core
    jmp boot_long_mode

# Turn on long mode (APM vol. 2, 14.6) and go to the 64-bit code at edi; esi is kept.
boot_long_mode:
    mov eax, cr4
    or eax, 0x20                # PAE
    mov cr4, eax
    mov eax, offset boot_top_table
    mov cr3, eax
    mov ecx, 0xC0000080         # EFER
    rdmsr
    or eax, 0x100               # LME
    wrmsr
    mov eax, cr0
    and eax, 0x9FFFFFFF         # not CD and NW: INIT leaves caches as they are, on or off
    or eax, 0x80010001          # PG, WP, PE
    mov cr0, eax
    push {CODE_SELECTOR}
    push edi
    retf

.code64
boot_first_core:
    xor eax, eax
    mov ss, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov edi, esi
    call boot_main
    ud2

# ---- later cores: a copy of these bytes at {TRAMPOLINE:#x}, 16-bit, started by SIPI ------------
.section .rodata.boot_trampoline,"a",@progbits
.code16
.globl boot_trampoline
boot_trampoline:
    cli
    cld
    xor ax, ax
    mov ds, ax
    lgdt [boot_trampoline_gdt_address]
    mov eax, cr0
    or eax, 1
    mov cr0, eax
    .byte 0x66, 0xEA            # jmp far to 32-bit code
    .long boot_later_core
    .word {_PROTECTED_SELECTOR}
.p2align 2
boot_trampoline_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt
.set boot_trampoline_gdt_address, boot_trampoline_gdt_pointer - boot_trampoline + {TRAMPOLINE}
.globl boot_trampoline_end
boot_trampoline_end:

.section .text.boot_later_core,"ax",@progbits
.code32
boot_later_core:
    mov ax, {CODE_SELECTOR + 8}
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, [boot_next_stack]
    mov edi, offset boot_later_core_long
    jmp boot_long_mode
.code64
boot_later_core_long:
    xor eax, eax
    mov ss, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov rsp, [boot_next_stack]
    mov rdi, [boot_next_core]
    call boot_core_main
    ud2
"""
)
