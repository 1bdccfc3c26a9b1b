from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def check(value: u32) -> None:
    assert value == 0, value
