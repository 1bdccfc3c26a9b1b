from __future__ import annotations

from questv.metal.lang import Array, metal, u8


@metal
def element(values: Array[u8, 8]) -> u8:
    return values[1.0]
