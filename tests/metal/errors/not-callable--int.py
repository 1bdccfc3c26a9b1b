from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def cut(value: u32) -> u32:
    return int(value)
