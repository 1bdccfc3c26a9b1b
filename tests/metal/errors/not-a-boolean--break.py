from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def halve(length: u64) -> u64:
    while True:
        length = length >> 1
        if length & 1:
            break
    return length
