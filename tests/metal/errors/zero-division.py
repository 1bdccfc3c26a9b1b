from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def share(total: u32) -> u32:
    return total // 0
