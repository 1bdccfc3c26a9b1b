from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8


@metal
def magic() -> Ptr[u8]:
    return b"magic"
