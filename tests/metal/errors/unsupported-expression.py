from __future__ import annotations

from questv.metal.lang import metal


@metal
def three() -> None:
    values = [1, 2, 3]
