from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8


@metal
def before(values: Ptr[u8]) -> u8:
    return values[-1]
