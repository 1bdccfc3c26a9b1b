from __future__ import annotations

from questv.metal.lang import Ptr, metal, ptr, u32


@metal
def keep(value: u32) -> Ptr[u32]:
    return ptr(value)
