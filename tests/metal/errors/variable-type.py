from __future__ import annotations

from questv.metal.lang import Atomic, metal, u32


@metal
def count() -> None:
    hits: Atomic[u32] = 0
