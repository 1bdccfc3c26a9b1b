from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def limit() -> u32:
    return MAXIMUM
