from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def show(value: u32) -> None:
    return value
