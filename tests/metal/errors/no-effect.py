from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def nothing(value: u32) -> None:
    value == 5
