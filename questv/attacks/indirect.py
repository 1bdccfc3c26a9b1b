"""Attacks on memory by what the processor itself reads and writes: tables, frames, task states."""

from __future__ import annotations

from questv.arch.x86.descriptors import TablePointer
from questv.arch.x86.instructions import load_gdt
from questv.arch.x86.paging import PAGE_SIZE, PRESENT, USER, WRITABLE
from questv.attacks.descriptors import (
    OTHER_TABLE,
    TASK,
    UNUSED_SEGMENT,
    UNUSED_TASK,
    handle_all,
    load_segments,
    read_only,
    returns,
    table,
    use_handlers_at,
    with_base,
)
from questv.attacks.orders import Orders
from questv.attacks.sight import own_page, see_everything
from questv.metal.lang import addr, asm, local, metal, u16, u64
from questv.metal.structs import sizeof

_FOLLOW = PRESENT | WRITABLE | USER
_LONG_TASK = 0x0000_8900_0000_0067


@metal
def walk(orders: Orders) -> None:
    """Have the processor read another's memory as its top page table."""
    see_everything(orders)
    asm("mov cr3, $0", None, "r", orders.target & ~u64(0xFFF))


@metal
def walk_below(orders: Orders) -> None:
    """Have the processor set accessed bits in another's memory, as in a page table."""
    see_everything(orders)
    own_page(0)[1] = orders.target & ~u64(0xFFF) | _FOLLOW
    asm("mov rax, [$0]", None, "r,~{rax}", u64(1) << 39)


@metal
def load_segment(orders: Orders) -> None:
    """Have the processor read another's memory as segments, and mark one as used."""
    see_everything(orders)
    pointer: TablePointer = local()
    pointer.limit = 0xFFF
    pointer.base = orders.target
    load_gdt(addr(pointer))
    asm("mov ds, $0", None, "r", u16(0x10))


@metal
def load_local_segment(orders: Orders) -> None:
    """Have it read another's memory as local segments, by a register that monitors never change."""
    see_everything(orders)
    load_segments(orders)
    table[OTHER_TABLE // 8] = with_base(0x0000_8200_0000_0FFF, orders.target)
    asm("lldt $0\nmov ax, 0x14\nmov ds, ax", None, "r,~{rax}", u16(OTHER_TABLE))


@metal
def take_gate(orders: Orders) -> None:
    """Have the processor read another's memory as interrupt gates, which lead anywhere."""
    see_everything(orders)
    use_handlers_at(orders.target, 0xFFF)
    asm("int3", None, "")


@metal
def take_stack(orders: Orders) -> None:
    """Have the processor read another's memory as a task's state, for a stack pointer."""
    see_everything(orders)
    load_segments(orders)
    table[TASK // 8] = with_base(_LONG_TASK, orders.target)
    table[TASK // 8 + 1] = 0
    asm("ltr $0\nint3", None, "r", u16(TASK))


@metal
def push_frame(orders: Orders) -> None:
    """Have the processor push an interrupt's frame into another's memory."""
    see_everything(orders)
    handle_all(addr(returns))
    asm("mov rcx, rsp\nmov rsp, $0\nint3\nmov rsp, rcx", None, "r,~{rcx}", orders.target + 0x40)


@metal
def pop_frame(orders: Orders) -> None:
    """Have the processor pop an interrupt's frame from another's memory."""
    see_everything(orders)
    asm("mov rsp, $0\niretq", None, "r", orders.target)


@metal
def mark_accessed(orders: Orders) -> None:
    """Have the processor change memory that is only to be read, by a segment's accessed bit."""
    _use_segments_at(orders)
    asm("mov ds, $0", None, "r", u16(UNUSED_SEGMENT))


@metal
def mark_busy(orders: Orders) -> None:
    """Have the processor change memory that is only to be read, by a task's busy bit."""
    _use_segments_at(orders)
    asm("ltr $0", None, "r", u16(UNUSED_TASK))


@metal
def _use_segments_at(orders: Orders) -> None:
    """Use a table in memory that is only to be read, through page tables that say otherwise."""
    assert orders.target % PAGE_SIZE == addr(read_only) % PAGE_SIZE
    see_everything(orders)
    pointer: TablePointer = local()
    pointer.limit = sizeof(read_only) - 1
    pointer.base = orders.target
    load_gdt(addr(pointer))
