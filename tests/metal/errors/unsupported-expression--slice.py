from __future__ import annotations

from questv.metal.lang import Array, metal, u8


@metal
def head(values: Array[u8, 8]) -> None:
    first = values[0:4]
