from __future__ import annotations

from questv.metal.lang import Array, static, u8

LENGTH = 0

buffer: Array[u8, LENGTH] = static()
