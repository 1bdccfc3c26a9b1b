from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def find(end: u64) -> u64:
    for index in range(end):
        if index * index == end:
            break
    else:
        return 0
    return 1
