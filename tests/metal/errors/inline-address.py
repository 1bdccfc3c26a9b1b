from __future__ import annotations

from collections.abc import Callable

from questv.metal.lang import metal, u32


@metal(inline=True)
def double(value: u32) -> u32:
    return value * 2


@metal
def choose() -> Callable[[u32], u32]:
    return double
