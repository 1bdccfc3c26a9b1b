from __future__ import annotations

import math

from questv.metal.lang import f64, metal


@metal(floats=True)
def height(angle: f64) -> f64:
    return math.sin(angle)
