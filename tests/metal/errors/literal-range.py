from __future__ import annotations

from questv.metal.lang import metal, u8


@metal
def mask() -> u8:
    return 0x100
