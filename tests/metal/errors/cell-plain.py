from __future__ import annotations

from questv.metal.lang import Atomic, metal, static, u32

ticks: Atomic[u32] = static(0)


@metal
def now() -> u32:
    return ticks + 1
