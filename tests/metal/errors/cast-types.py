from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8, u32


@metal
def at(address: u32) -> Ptr[u8]:
    return Ptr[u8](address)
