from __future__ import annotations

from questv.metal.lang import Ptr, metal, u64


@metal
def first(values: Ptr[int]) -> u64:
    return u64(values)
