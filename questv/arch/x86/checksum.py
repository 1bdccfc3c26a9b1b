"""CRC-32C by the processor's own instruction (SSE4.2; the boot has made sure of it)."""

from __future__ import annotations

from questv.arch.x86.instructions import crc32c
from questv.metal.lang import Ptr, metal, u32, u64


@metal
def checksum(start: u64, size: u64) -> u32:
    """The CRC-32C of ``size`` bytes, a multiple of 8."""
    words = Ptr[u64](start)
    state: u32 = 0xFFFF_FFFF
    for i in range(size // 8):
        state = crc32c(state, words[i])
    return ~state
