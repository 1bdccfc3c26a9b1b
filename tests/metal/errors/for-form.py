from __future__ import annotations

from questv.metal.lang import Array, metal, u8, u64


@metal
def total(values: Array[u8, 8]) -> u64:
    result: u64 = 0
    for value in values:
        result += u64(value)
    return result
