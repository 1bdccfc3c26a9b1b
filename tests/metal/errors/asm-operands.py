from __future__ import annotations

from questv.metal.lang import asm, metal, u64


@metal
def time() -> u64:
    low, high = asm("rdtsc", (u64, u64), "={rax}")
    return high << 32 | low
