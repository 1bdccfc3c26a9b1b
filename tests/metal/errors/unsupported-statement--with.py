from __future__ import annotations

from questv.metal.lang import metal, static, u32

lock: u32 = static(0)


@metal
def step() -> None:
    with lock:
        pass
