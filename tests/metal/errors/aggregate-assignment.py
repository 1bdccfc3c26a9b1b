from __future__ import annotations

from questv.metal.lang import Array, local, metal, u8


@metal
def fill(source: Array[u8, 16]) -> None:
    buffer: Array[u8, 16] = local()
    buffer = source
