from __future__ import annotations

from questv.metal.lang import RELAXED, Atomic, metal, static

ready: Atomic[bool] = static(False)


@metal
def step() -> None:
    ready.add(True, RELAXED)
