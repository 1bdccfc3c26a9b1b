from __future__ import annotations

from questv.metal.lang import f64, metal, u32


@metal(floats=True)
def root() -> u32:
    return u32(f64(2.0))


@metal
def interrupt() -> u32:
    return root()
