from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def choose(test: bool) -> u32:
    if test:
        value = u32(1)
    return value
