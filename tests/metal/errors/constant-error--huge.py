from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def large() -> u64:
    return 1 << 100000 >> 99999
