from __future__ import annotations

from questv.metal.lang import metal, u64



@metal
def later() -> u64:
    delay = 1e6
    return u64(1)
