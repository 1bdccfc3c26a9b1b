from __future__ import annotations

from questv.metal.lang import leading_zeros, metal, u32


@metal
def zeros() -> u32:
    return leading_zeros(0x1000)
