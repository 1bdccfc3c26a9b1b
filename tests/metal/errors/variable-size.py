from __future__ import annotations

from questv.metal.lang import Array, static, u8

memory: Array[u8, 1 << 30] = static()
