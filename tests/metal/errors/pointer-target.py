from __future__ import annotations

from questv.metal.lang import Ptr, metal, u64


@metal
def address(place: Ptr[None]) -> u64:
    return u64(place)
