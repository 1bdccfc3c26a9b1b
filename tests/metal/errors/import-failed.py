from __future__ import annotations

from questv.metal.lang import Array, static, u8

LENGTH = 4096 // 0

buffer: Array[u8, LENGTH] = static()
