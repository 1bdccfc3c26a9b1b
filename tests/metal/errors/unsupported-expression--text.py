from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def name(number: u32) -> str:
    return f"core {number}"
