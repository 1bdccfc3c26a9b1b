from __future__ import annotations

from questv.metal.lang import metal, ptr, u32


@metal
def show(value: u32) -> None:
    where = ptr(value + 1)
