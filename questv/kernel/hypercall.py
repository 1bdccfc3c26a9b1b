"""Calling the monitor."""

from __future__ import annotations

from questv.metal.lang import asm, metal, u64
from questv.monitor.interface import Hypercall


@metal(inline=True)
def hypercall(number: Hypercall, first: u64, second: u64) -> u64:
    """Ask the monitor for something; a call that is not allowed does not return."""
    return asm("vmmcall", u64, "={rax},{rax},{rdi},{rsi}", number, first, second)
