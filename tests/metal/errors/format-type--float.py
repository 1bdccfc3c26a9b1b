from __future__ import annotations

from console import log

from questv.metal.lang import f64, metal


@metal(floats=True)
def show(height: f64) -> None:
    log(f"height {height}")
