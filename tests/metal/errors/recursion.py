from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def is_even(value: u64) -> bool:
    return True if value == 0 else is_odd(value - 1)


@metal
def is_odd(value: u64) -> bool:
    return False if value == 0 else is_even(value - 1)
