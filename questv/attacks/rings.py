"""Attacks from ring 3, where a processor checks privileges before it asks the monitor, or after."""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts
from questv.attacks.descriptors import OTHER_TASK, USER_CODE, USER_DATA, load_segments, table
from questv.attacks.modes import code
from questv.attacks.orders import Orders
from questv.attacks.sight import see_everything
from questv.metal.lang import addr, asm, external, metal, module_assembly, u8, u16, u64
from questv.monitor.interface import Hypercall

_SLOT = 16
_FLAGS = 2
_ALIGNMENT_CHECK = 1 << 18

INSTRUCTIONS = {
    "VMMCALL": "vmmcall",
    "VMRUN": "vmrun rax",
    "VMLOAD": "vmload rax",
    "VMSAVE": "vmsave rax",
    "STGI": "stgi",
    "CLGI": "clgi",
    "SKINIT": "skinit eax",
    "INVLPGA": "invlpga rax, ecx",
    "INVD": "invd",
    "WBINVD": "wbinvd",
    "MONITOR": "monitor",
    "MWAIT": "mwait",
    "XSETBV": "xsetbv",
    "RDMSR": "rdmsr",
    "WRMSR": "wrmsr",
    "IN": "in al, dx",
    "OUT": "out dx, al",
    "HLT": "hlt",
    "CLI": "cli",
    "MOV_CR0": "mov cr0, rax",
    "MOV_CR3": "mov cr3, rax",
    "MOV_DR7": "mov dr7, rax",
    "RSM": "rsm",
    "READ": "mov rax, [rcx]",
    "WRITE": "mov [rcx], rax",
}
"""What is tried in ring 3, the target in rax, rcx and rdx; a hypercall follows, and ends it."""


module_assembly(
    """
.section .text.attack_modes,"ax",@progbits
.p2align 4
.globl attack_unprivileged
attack_unprivileged:
"""
    + "\n".join(
        f".p2align 4\n{text}\nmov eax, {int(Hypercall.FINISHED)}\nxor edi, edi\nvmmcall"
        for text in INSTRUCTIONS.values()
    )
)

unprivileged: u8 = external("attack_unprivileged")


@metal
def _go_on(orders: Orders, flags: u64, argument: u64) -> None:
    """Leave ring 0 for the instruction that the orders number."""
    disable_interrupts()
    see_everything(orders)
    load_segments(orders)
    start = orders.code + addr(unprivileged) - addr(code) + orders.value * _SLOT
    asm(
        "push $0\npush 0\npush $1\npush $2\npush $3\niretq",
        None,
        "r,r,r,r,{rax},{rcx},{rdx}",
        u64(USER_DATA),
        flags,
        u64(USER_CODE),
        start,
        argument,
        argument,
        argument,
    )


@metal
def run_unprivileged(orders: Orders) -> None:
    """Run an instruction where nobody is expected to command anything."""
    _go_on(orders, _FLAGS, orders.target)


@metal
def misalign(orders: Orders) -> None:
    """Begin an exception whose delivery some processors repeat for ever: an alignment check."""
    asm("mov rax, cr0\nor eax, 0x40000\nmov cr0, rax", None, "~{rax}")
    _go_on(orders, _FLAGS | _ALIGNMENT_CHECK, orders.scratch + 1)


@metal
def ask_with_permissions(orders: Orders) -> None:
    """Have the processor read another's memory as the permissions of ports, for code in ring 3."""
    see_everything(orders)
    load_segments(orders)
    table[OTHER_TASK // 8 + 1] = 0
    asm("ltr $0", None, "r", u16(OTHER_TASK))
    _go_on(orders, _FLAGS, orders.target)
