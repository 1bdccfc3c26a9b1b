from __future__ import annotations

from questv.metal.lang import metal, multiply_high, u64


@metal
def high(value: u64) -> u64:
    return multiply_high(value)
