from __future__ import annotations

from questv.metal.lang import f64, metal, u32


@metal
def root() -> u32:
    value = f64(2.5)
    return u32(value)
