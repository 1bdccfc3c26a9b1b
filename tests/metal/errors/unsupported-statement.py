from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def divide(a: u32, b: u32) -> u32:
    try:
        return a // b
    except ZeroDivisionError:
        return 0
