from __future__ import annotations

from questv.metal.lang import addr, metal, u64


@metal(inline=True)
def tick() -> None:
    pass


@metal
def where() -> u64:
    return addr(tick)
