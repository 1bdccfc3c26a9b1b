from __future__ import annotations

from questv.metal.lang import f64, metal


@metal(floats=True)
def whole(a: f64, b: f64) -> f64:
    return a // b
