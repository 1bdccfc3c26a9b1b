from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def nothing() -> None:
    pass


@metal
def get() -> u32:
    return nothing()
