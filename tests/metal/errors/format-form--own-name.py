from __future__ import annotations

from console import log

from questv.metal.lang import metal, u64



@metal
def show(done: u64) -> None:
    log(f"{done=}")
