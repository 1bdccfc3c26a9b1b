from __future__ import annotations

from questv.metal.lang import Array, asm, metal, u32


@metal
def time(stamp: Array[u32, 2]) -> None:
    stamp[0], high = asm("rdtsc", (u32, u32), "={eax},={edx}")
