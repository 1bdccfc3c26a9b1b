from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8


@metal
def touch(place: Ptr[u8]) -> None:
    place[0]
