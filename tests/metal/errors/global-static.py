from __future__ import annotations

from questv.metal.lang import metal

count = 0


@metal
def step() -> None:
    global count
    count += 1
