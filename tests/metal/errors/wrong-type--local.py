from __future__ import annotations

from questv.metal.lang import metal, u32, u64


@metal
def low(value: u64) -> u32:
    result = u32(0)
    result = value
    return result
