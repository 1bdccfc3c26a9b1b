from __future__ import annotations

from questv.metal.lang import metal, u64

beats = 0



@metal
def beat() -> None:
    beats += 1
