from __future__ import annotations

from console import log

from questv.metal.lang import metal


@metal
def show(name: str) -> None:
    log(f"{name:8}")
