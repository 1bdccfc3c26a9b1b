from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def rate() -> u32:
    return u32(1.5)
