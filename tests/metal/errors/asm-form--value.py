from __future__ import annotations

from questv.metal.lang import Array, asm, metal, u8


@metal
def flush(line: Array[u8, 64]) -> None:
    asm("clflush [$0]", None, "r", line)
