from __future__ import annotations

from questv.metal.lang import metal, u32

LIMIT = 10


@metal
def clamp(value: u32) -> u32:
    if value > LIMIT:
        LIMIT = u32(10)
    return value
