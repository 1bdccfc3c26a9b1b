from __future__ import annotations

from questv.metal.lang import metal, u64


@metal(inline=True)
def count(value: u64) -> u64:
    return 0 if value == 0 else count(value - 1) + 1
