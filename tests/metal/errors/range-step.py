from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def walk(end: u64, step: u64) -> None:
    for _ in range(0, end, step):
        pass
