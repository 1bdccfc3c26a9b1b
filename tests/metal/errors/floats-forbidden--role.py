from __future__ import annotations

from questv.metal.lang import f64, metal

handler = metal(role="handler")


@handler
def half(value: f64) -> f64:
    return value * 0.5
