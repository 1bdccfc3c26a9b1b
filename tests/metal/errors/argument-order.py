from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def subtract(a: u32, b: u32) -> u32:
    return a - b


@metal
def one() -> u32:
    return subtract(b=2, a=3)
