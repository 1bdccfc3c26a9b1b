from __future__ import annotations

from questv.metal.lang import asm, metal, u64


@metal
def stamp() -> u64:
    return asm("rdtsc", u64, "={rax}, ~{rdx}")
