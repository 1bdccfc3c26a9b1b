from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def add(a: u32, b: u32) -> u32:
    return a + b


@metal
def three() -> u32:
    return add(1, 2, 3)
