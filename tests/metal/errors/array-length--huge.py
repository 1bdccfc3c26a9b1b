from __future__ import annotations

from questv.metal.lang import Array, external, u64

memory: Array[u64, 1 << 60] = external("memory")
