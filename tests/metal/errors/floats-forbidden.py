from __future__ import annotations

from questv.metal.lang import f64, metal


@metal
def half(value: f64) -> None:
    pass
