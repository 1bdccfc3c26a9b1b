from __future__ import annotations

from questv.metal.lang import metal


@metal
def count() -> None:
    number = 5
