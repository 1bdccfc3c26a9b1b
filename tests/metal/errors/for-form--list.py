from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def total() -> u64:
    result: u64 = 0
    for value in [1, 2, 3]:
        result += value
    return result
