"""Descriptor tables of the attacker's own: segments for other modes, and handlers that do little.

The segments lie where ``sight`` shows them, so that they stay in reach without paging.
"""

from __future__ import annotations

from questv.arch.x86.descriptors import (
    CODE_DESCRIPTOR,
    CODE_SELECTOR,
    DATA_DESCRIPTOR,
    Gate,
    TablePointer,
    set_gate,
)
from questv.arch.x86.instructions import load_gdt, load_idt
from questv.attacks.orders import Orders
from questv.metal.lang import (
    Array,
    addr,
    constant,
    external,
    local,
    metal,
    module_assembly,
    static,
    u8,
    u16,
    u64,
)
from questv.metal.structs import sizeof
from questv.monitor.interface import VECTORS

CODE_32 = 0x18
CODE_16 = 0x20
USER_CODE = 0x28 | 3
USER_DATA = 0x30 | 3
TASK = 0x38  # two entries, as a long one takes
OTHER_TASK = 0x48
OTHER_TABLE = 0x58  # two entries
_ENTRIES = 13

_CODE_32 = 0x00CF_9B00_0000_FFFF
_CODE_16 = 0x0000_9B00_0000_FFFF  # its base is where ``modes.code`` lies
_USER_CODE = 0x00AF_FB00_0000_FFFF
_USER_DATA = 0x00CF_F300_0000_FFFF
_TASK = 0x0000_8900_0000_0067  # available; without a base it lies at address 0

UNUSED_SEGMENT = 0x18
UNUSED_TASK = 0x20

read_only: Array[u64, 6] = constant(
    [0, CODE_DESCRIPTOR, DATA_DESCRIPTOR, DATA_DESCRIPTOR & ~(1 << 40), _TASK, 0],
    export="attack_read_only",
)
"""Segments and a task that have not been used."""

table: Array[u64, _ENTRIES] = static(export="attack_descriptors")
idt: Array[Gate, VECTORS] = static()

module_assembly(
    """
.section .text.attack_handlers,"ax",@progbits
.p2align 4
.globl attack_returns
attack_returns:                 # without an error code
    iretq
.globl attack_returns_over_error
attack_returns_over_error:
    add rsp, 8
    iretq
.globl attack_stays
attack_stays:
    jmp attack_stays
.globl attack_faults
attack_faults:
    ud2
"""
)

# Handlers of exceptions.
returns: u8 = external("attack_returns")
returns_over_error: u8 = external("attack_returns_over_error")
stays: u8 = external("attack_stays")
faults: u8 = external("attack_faults")


@metal
def with_base(descriptor: u64, base: u64) -> u64:
    """A segment descriptor of four bytes' base, at ``base``."""
    return descriptor | (base & 0xFF_FFFF) << 16 | (base >> 24 & 0xFF) << 56


@metal
def load_segments(orders: Orders) -> None:
    """Use the own table of segments; those in use are in it, at the same places."""
    table[CODE_SELECTOR // 8] = CODE_DESCRIPTOR
    table[2] = DATA_DESCRIPTOR
    table[CODE_32 // 8] = _CODE_32
    table[CODE_16 // 8] = with_base(_CODE_16, orders.code)
    table[USER_CODE // 8] = _USER_CODE
    table[USER_DATA // 8] = _USER_DATA
    table[TASK // 8] = with_base(_TASK, orders.scratch)
    table[OTHER_TASK // 8] = with_base(_TASK, orders.target)
    pointer: TablePointer = local()
    pointer.limit = sizeof(table) - 1
    pointer.base = orders.segments
    load_gdt(addr(pointer))


@metal
def handle_all(handler: u64) -> None:
    """Let every interrupt and exception lead to ``handler``, on the stack in use."""
    for vector in range(u64(VECTORS)):
        set_gate(idt[vector], handler, 0)
    use_handlers_at(addr(idt), sizeof(idt) - 1)


@metal
def use_handlers_at(base: u64, limit: u64) -> None:
    """Use the interrupt descriptor table at an address that need not be one."""
    pointer: TablePointer = local()
    pointer.limit = u16(limit)
    pointer.base = base
    load_idt(addr(pointer))
