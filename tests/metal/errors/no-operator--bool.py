from __future__ import annotations

from questv.metal.lang import metal


@metal
def both(a: bool, b: bool) -> bool:
    return a & b
