from __future__ import annotations

from questv.metal.lang import metal, u32, u64


@metal
def extend(value: u32) -> u64:
    return value
