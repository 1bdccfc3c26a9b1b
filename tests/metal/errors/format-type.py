from __future__ import annotations

from console import log

from questv.metal.lang import i64, metal


@metal
def show(value: i64) -> None:
    log(f"value {value:x}")
