from __future__ import annotations

from questv.metal.lang import metal, u32


def double(value: int) -> int:
    return value * 2


@metal
def four() -> u32:
    return double(2)
