from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def last(end: u64) -> u64:
    for index in range(end):
        pass
    return index
