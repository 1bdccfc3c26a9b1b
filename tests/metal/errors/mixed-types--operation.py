from __future__ import annotations

from questv.metal.lang import metal, u8, u32


@metal
def least(a: u8, b: u32) -> u32:
    return min(a, b)
