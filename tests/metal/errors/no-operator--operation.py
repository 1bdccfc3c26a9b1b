from __future__ import annotations

from questv.metal.lang import count_ones, i32, metal


@metal
def ones(value: i32) -> i32:
    return count_ones(value)
