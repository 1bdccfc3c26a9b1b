from __future__ import annotations

from questv.metal.lang import metal


@metal(floats=True)
def half(value: float) -> float:
    return value / 2
