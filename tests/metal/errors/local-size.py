from __future__ import annotations

from questv.metal.lang import Array, local, metal, u8


@metal
def make() -> None:
    buffer: Array[u8, 2 << 20] = local()
