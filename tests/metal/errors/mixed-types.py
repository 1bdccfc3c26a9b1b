from __future__ import annotations

from questv.metal.lang import metal, u32, u64


@metal
def add(a: u32, b: u64) -> u64:
    return a + b
