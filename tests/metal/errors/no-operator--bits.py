from __future__ import annotations

from questv.metal.lang import f32, float_from_bits, i32, metal


@metal(floats=True)
def value(bits: i32) -> f32:
    return float_from_bits(bits)
