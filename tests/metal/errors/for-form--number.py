from __future__ import annotations

from questv.metal.lang import metal, u64

COUNT = 8


@metal
def total(number: u64) -> u64:
    result: u64 = 0
    for index in number:
        result += index
    for index in COUNT:
        result += index
    return result
