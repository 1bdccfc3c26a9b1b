from __future__ import annotations

from console import log

from questv.metal.lang import metal


@metal
def show(ready: bool) -> None:
    log(f"ready {ready}")
