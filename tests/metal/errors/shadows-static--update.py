from __future__ import annotations

from questv.metal.lang import metal, static, u64

beats: u64 = static(0)



@metal
def beat() -> None:
    beats += 1
