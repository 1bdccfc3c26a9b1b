from __future__ import annotations

from questv.metal.lang import f32, metal


@metal(floats=True)
def large() -> f32:
    return 1e40
