from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def step() -> u64:
    from math import gcd

    return gcd(12, 18)
