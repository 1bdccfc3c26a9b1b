from __future__ import annotations

from questv.metal.lang import Ptr, copy, metal, u8


@metal
def fill(to: Ptr[u8], source: Ptr[u8]) -> None:
    copy(to[0], source[0])
