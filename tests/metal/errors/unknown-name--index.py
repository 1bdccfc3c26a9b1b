from __future__ import annotations

from questv.metal.lang import Ptr, metal, u64


@metal
def first(address: u64) -> u64:
    return u64(Ptr[u8](address)[0])
