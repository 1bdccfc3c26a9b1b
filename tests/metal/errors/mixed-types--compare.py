from __future__ import annotations

from questv.metal.lang import i32, metal, u32


@metal
def less(a: u32, b: i32) -> bool:
    return a < b
