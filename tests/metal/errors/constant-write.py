from __future__ import annotations

from questv.metal.lang import Array, constant, metal, u8

TABLE: Array[u8, 4] = constant([1, 2, 3, 4])


@metal
def change() -> None:
    TABLE[0] = 5
