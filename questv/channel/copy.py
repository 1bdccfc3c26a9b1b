"""Copying bytes out of memory that a hostile party can write."""

from __future__ import annotations

from questv.metal.lang import Ptr, Shared, assembly, u8, u64


@assembly(
    """
    mov rcx, rdx
    shr rcx, 3
    rep movsq
    mov rcx, rdx
    and ecx, 7
    rep movsb
    ret
    """
)
def copy_out(to: Ptr[u8], source: Ptr[Shared[u8]], length: u64) -> None:
    """Copy ``length`` bytes into private memory; each is read once."""
