from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def any_bit(value: u32) -> bool:
    if value:
        return True
    return False
