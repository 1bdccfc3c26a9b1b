from __future__ import annotations

from questv.metal.lang import Array, local, metal, u8


@metal
def buffer() -> Array[u8, 64]:
    made: Array[u8, 64] = local()
    return made
