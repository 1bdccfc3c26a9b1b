from __future__ import annotations

from questv.metal.lang import metal, static, u64


@metal(export="ticks")
def read_ticks() -> u64:
    return count


count: u64 = static(0, export="ticks")
