from __future__ import annotations

from questv.metal.lang import metal, u32, u64


@metal
def walk(start: u32, end: u64) -> None:
    for _ in range(start, end):
        pass
