from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8


@metal
def after(place: Ptr[u8]) -> Ptr[u8]:
    return place + 1
