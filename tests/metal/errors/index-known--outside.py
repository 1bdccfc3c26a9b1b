from __future__ import annotations

from questv.metal.lang import metal, u32

PRIMES = (2, 3, 5, 7)


@metal
def prime() -> u32:
    return u32(PRIMES[4])
