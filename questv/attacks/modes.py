"""Attacks on memory from the processor's other modes, where other rules of addressing hold.

The code runs at its physical address, which the attacker's own page tables show as well. It begins
as 32-bit code with ``esi`` as the address to touch and ``edx`` as the way, an ``Access``.
"""

from __future__ import annotations

from enum import IntEnum

from questv.arch.x86.instructions import disable_interrupts
from questv.attacks.descriptors import CODE_16, CODE_32, OTHER_TASK, TASK, load_segments
from questv.attacks.orders import Orders
from questv.attacks.sight import see_everything
from questv.metal.lang import addr, asm, external, metal, module_assembly, u8, u32, u64
from questv.metal.structs import width
from questv.monitor.interface import Hypercall

code: u8 = external("attack_modes")


@width(u64)
class Access(IntEnum):
    """The way to touch memory."""

    READ = 0
    WRITE = 1
    EXECUTE = 2


_PAGING_OFF = """
    mov eax, cr0
    and eax, 0x7FFFFFFF
    mov cr0, eax
"""


def _touch(bits: int) -> str:
    """Touch memory; if that was possible, say that the attacker has come back."""
    execute = "" if bits == 16 else "jmp esi"
    return f"""
    cmp edx, {Access.WRITE}
    jb {bits}1f
    je {bits}2f
    {execute}
{bits}1:
    mov eax, [esi]
    jmp {bits}3f
{bits}2:
    mov [esi], esi
{bits}3:
    mov eax, {Hypercall.FINISHED}
    xor edi, edi
    vmmcall
"""


module_assembly(
    f"""
.section .text.attack_modes,"ax",@progbits
.code32
.p2align 4
.globl attack_modes
attack_modes:

.globl attack_compatible
attack_compatible:
    {_touch(32)}

.globl attack_unpaged
attack_unpaged:
    {_PAGING_OFF}
    {_touch(32)}

.globl attack_repaged
attack_repaged:                         # page tables of 32-bit entries: the old kind of paging
    {_PAGING_OFF}
    mov eax, cr4
    and eax, 0xFFFFFFDF
    mov cr4, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    {_touch(32)}

.globl attack_task_switch
attack_task_switch:
    {_PAGING_OFF}
    mov ax, {TASK}
    ltr ax
    .byte 0xEA                          # jmp far to a task
    .long 0
    .word {OTHER_TASK}
    {_touch(32)}

.globl attack_16_bit
attack_16_bit:
    .byte 0xEA
    .long 1f - attack_modes
    .word {CODE_16}
.code16
1:  {_touch(16)}

.code32
.globl attack_real
attack_real:
    {_PAGING_OFF}
    .byte 0xEA
    .long 2f - attack_modes
    .word {CODE_16}
.code16
2:  mov eax, cr0
    and al, 0xFE
    mov cr0, eax
    {_touch(16)}
.code64
"""
)

compatible: u8 = external("attack_compatible")
unpaged: u8 = external("attack_unpaged")
repaged: u8 = external("attack_repaged")
task_switch: u8 = external("attack_task_switch")
with_16_bits: u8 = external("attack_16_bit")
real: u8 = external("attack_real")


@metal
def _go_on(orders: Orders, start: u64) -> None:
    """Leave 64-bit mode for the code that the kernel knows as ``start``."""
    disable_interrupts()
    see_everything(orders)
    load_segments(orders)
    physical = orders.code + start - addr(code)
    asm(
        "push $0\npush $1\nretfq",
        None,
        "r,r,{esi},{edx}",
        u64(CODE_32),
        physical,
        u32(orders.target),
        u32(orders.value),
    )


@metal
def touch_from_32_bits(orders: Orders) -> None:
    """Reach another's memory from 32-bit code, beneath the page tables of 64-bit mode."""
    _go_on(orders, addr(compatible))


@metal
def touch_from_16_bits(orders: Orders) -> None:
    """Reach another's memory from 16-bit code, by a segment."""
    _go_on(orders, addr(with_16_bits))


@metal
def touch_without_paging(orders: Orders) -> None:
    """Reach another's memory with paging off: then no page table of the kernel's is looked at."""
    _go_on(orders, addr(unpaged))


@metal
def touch_with_old_paging(orders: Orders) -> None:
    """Reach another's memory by page tables of another format, or end its monitor's paging."""
    _go_on(orders, addr(repaged))


@metal
def touch_from_real_mode(orders: Orders) -> None:
    """Reach another's memory in real mode, in which neither page tables nor privileges exist."""
    _go_on(orders, addr(real))


@metal
def switch_task(orders: Orders) -> None:
    """Have the processor load all of its registers from another's memory, as a task's state."""
    _go_on(orders, addr(task_switch))
