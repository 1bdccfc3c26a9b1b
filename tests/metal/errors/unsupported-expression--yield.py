from __future__ import annotations

from questv.metal.lang import metal, u64



@metal
def numbers(end: u64) -> None:
    for number in range(end):
        yield number
