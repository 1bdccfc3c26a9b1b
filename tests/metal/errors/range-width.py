from __future__ import annotations

from questv.metal.lang import metal


@metal
def walk() -> None:
    for _ in range(10):
        pass
