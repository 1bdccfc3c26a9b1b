from __future__ import annotations

from questv.metal.lang import asm, metal, u32, u64


@metal
def time(low: u64) -> u64:
    low, high = asm("rdtsc", (u32, u32), "={eax},={edx}")
    return low
