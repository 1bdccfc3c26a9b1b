from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def sign(value: u32) -> u32:
    if value > 0:
        return 1
