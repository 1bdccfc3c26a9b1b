from __future__ import annotations

from questv.metal.lang import Array, copy, metal, u8


@metal
def fill(to: Array[u8, 16], source: Array[u8, 8]) -> None:
    copy(to, source)
