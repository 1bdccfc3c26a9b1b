from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def pair(value: u32) -> u32:
    a = b = value
    return a + b
