from __future__ import annotations

from questv.metal.lang import Atomic, metal, u32


@metal
def take(lock: Atomic[u32]) -> None:
    pass
