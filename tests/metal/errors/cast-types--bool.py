from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def is_set(value: u32) -> bool:
    return bool(value)
