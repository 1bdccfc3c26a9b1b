from __future__ import annotations

from questv.metal.lang import Array, local, metal, u8, u64


@metal
def make(length: u64) -> None:
    buffer: Array[u8, length] = local()
