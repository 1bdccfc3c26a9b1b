from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8


@metal
def missing(place: Ptr[u8]) -> bool:
    return place == 0
