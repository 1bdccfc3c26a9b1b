from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8, u64


@metal
def length(bytes: Ptr[u8]) -> u64:
    return len(bytes)
