from __future__ import annotations

from questv.metal.lang import metal


@metal
def flip(value: bool) -> bool:
    return ~value
