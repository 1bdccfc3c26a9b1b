from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def reset(value: u32) -> u32:
    value: u32 = 0
    return value
