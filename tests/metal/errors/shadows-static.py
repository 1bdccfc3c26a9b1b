from __future__ import annotations

from questv.metal.lang import metal, static, u32

count: u32 = static(0)


@metal
def reset() -> None:
    count = 0
