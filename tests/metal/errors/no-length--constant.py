from __future__ import annotations

from questv.metal.lang import metal, u64

CORES = 4


@metal
def length() -> u64:
    return len(CORES)
