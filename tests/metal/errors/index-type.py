from __future__ import annotations

from questv.metal.lang import Array, i32, metal, u8


@metal
def element(values: Array[u8, 8], index: i32) -> u8:
    return values[index]
