from __future__ import annotations

from questv.metal.lang import asm, metal, u64


@metal
def shift(value: u64) -> u64:
    return asm("shl $0, al", u64, "=r,0", value)
