from __future__ import annotations

from questv.metal.lang import metal, static, u64

index: u64 = static(0)


@metal
def scan(end: u64) -> None:
    global index
    for index in range(end):
        pass
