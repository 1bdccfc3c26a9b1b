from __future__ import annotations

from questv.metal.lang import metal


@metal(floats=True)
def count() -> None:
    number = 0.5
