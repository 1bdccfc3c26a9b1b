from __future__ import annotations

from questv.metal.lang import asm, metal, u32


@metal
def time() -> u32:
    stamp = asm("rdtsc", (u32, u32), "={eax},={edx}")
    return stamp
