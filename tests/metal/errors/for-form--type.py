from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8


@metal
def walk(end: Ptr[u8]) -> None:
    for _ in range(end):
        pass
