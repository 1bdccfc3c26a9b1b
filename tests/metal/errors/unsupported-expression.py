from __future__ import annotations

from questv.metal.lang import Array, metal, u8


@metal
def three() -> None:
    values = [1, 2, 3]
