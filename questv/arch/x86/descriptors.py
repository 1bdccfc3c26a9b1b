"""Segment and interrupt descriptors (APM vol. 2, 4.6 to 4.8 and 8.9)."""

from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8, u16, u32, u64
from questv.metal.structs import Struct, sizeof


class TablePointer(Struct, packed=True):
    """The operand of LGDT and LIDT."""

    limit: u16
    base: u64


class Gate(Struct):
    """An entry of the interrupt descriptor table in long mode (APM vol. 2, 4.8.4)."""

    offset_low: u16
    selector: u16
    stack: u8  # index into the task state segment's interrupt stacks, 0 for none
    attributes: u8
    offset_middle: u16
    offset_high: u32
    reserved: u32


class TaskState(Struct, packed=True):
    """The task state segment in long mode (APM vol. 2, 12.2.5): it only holds stacks."""

    reserved: u32
    ring0_stack: u64
    ring1_stack: u64
    ring2_stack: u64
    reserved1: u64
    interrupt_stack1: u64
    interrupt_stack2: u64
    interrupt_stack3: u64
    interrupt_stack4: u64
    interrupt_stack5: u64
    interrupt_stack6: u64
    interrupt_stack7: u64
    reserved2: u64
    reserved3: u16
    io_map_base: u16


assert sizeof(TablePointer) == 10
assert sizeof(Gate) == 16
assert sizeof(TaskState) == 0x68

CODE_SELECTOR = 0x08
DATA_SELECTOR = 0x10
TASK_SELECTOR = 0x18
USER_DATA_SELECTOR = 0x28 | 3
USER_CODE_SELECTOR = 0x30 | 3

RING = 3
"""The bits of a code segment's selector that say in which ring the code runs."""

CODE_DESCRIPTOR = 0x00AF_9B00_0000_FFFF
"""64-bit code, ring 0, readable, accessed beforehand so that the processor never writes it."""
DATA_DESCRIPTOR = 0x00CF_9300_0000_FFFF
"""Writable data, ring 0, accessed beforehand."""
USER_CODE_DESCRIPTOR = 0x00AF_FB00_0000_FFFF
"""The same for ring 3."""
USER_DATA_DESCRIPTOR = 0x00CF_F300_0000_FFFF
"""Likewise."""

GATE_INTERRUPT = 0x8E
"""Present, ring 0, interrupt gate: interrupts are off in the handler."""
GATE_CALL = 0xEF
"""Present, for ring 3 too, trap gate: interrupts stay as they are."""


@metal
def set_gate(gate: Gate, handler: u64, stack: u8) -> None:
    """Let ``gate`` lead to ``handler`` on interrupt stack ``stack`` (0: the stack in use)."""
    gate.offset_low = u16(handler & 0xFFFF)
    gate.selector = CODE_SELECTOR
    gate.stack = stack
    gate.attributes = GATE_INTERRUPT
    gate.offset_middle = u16(handler >> 16 & 0xFFFF)
    gate.offset_high = u32(handler >> 32)
    gate.reserved = 0


@metal
def set_task_descriptor(descriptor: Ptr[u64], task_state: u64) -> None:
    """Write the two words of an available 64-bit task state segment's descriptor."""
    low = task_state & 0xFF_FFFF
    middle = task_state >> 24 & 0xFF
    descriptor[0] = sizeof(TaskState) - 1 | low << 16 | 0x89 << 40 | middle << 56
    descriptor[1] = task_state >> 32
