from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def square(value: u32) -> u32:
    value **= 2
    return value
