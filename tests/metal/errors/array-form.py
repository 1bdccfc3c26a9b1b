from __future__ import annotations

from questv.metal.lang import Array, metal, u32, u64


@metal
def total(values: Array[u32]) -> u64:
    return u64(values[0])
