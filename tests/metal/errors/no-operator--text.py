from __future__ import annotations

from questv.metal.lang import metal, u64



@metal
def show(value: u64) -> None:
    text = "late" + value
