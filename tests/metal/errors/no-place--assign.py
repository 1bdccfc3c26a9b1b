from __future__ import annotations

from questv.metal.lang import metal

LIMIT = [10]


@metal
def change() -> None:
    LIMIT[0] = 5
