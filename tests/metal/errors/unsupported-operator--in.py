from __future__ import annotations

from questv.metal.lang import metal, u8


@metal
def is_space(key: u8) -> bool:
    return key in (32, 9)
