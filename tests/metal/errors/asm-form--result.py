from __future__ import annotations

from questv.metal.lang import Array, asm, metal, u8


@metal
def read() -> None:
    asm("", Array[u8, 8], "=r")
