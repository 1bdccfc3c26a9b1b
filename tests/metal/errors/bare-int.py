from __future__ import annotations

from questv.metal.lang import metal


@metal
def double(value: int) -> int:
    return value * 2
