from __future__ import annotations

from questv.metal.lang import Atomic, metal, static, u32

count: Atomic[u32] = static(0)


@metal
def counter() -> Atomic[u32]:
    return count
