from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def swap(a: u32, b: u32) -> None:
    a, b = b, a
