from __future__ import annotations

from questv.metal.lang import metal, u32, u64


@metal
def choose(test: bool, a: u32, b: u64) -> None:
    value = a if test else b
