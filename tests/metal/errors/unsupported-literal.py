from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8


@metal
def nothing() -> Ptr[u8]:
    place: Ptr[u8] = None
    return place
