from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def nothing() -> None:
    u32
    min(1, 2)
