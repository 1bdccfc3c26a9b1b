from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def double(value: u32):
    return value * 2
