from __future__ import annotations

from questv.metal.lang import metal, u8, u32


@metal
def low(value: u32) -> u8:
    return u8(value, 0xFF)
