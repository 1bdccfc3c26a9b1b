from __future__ import annotations

from questv.metal.lang import Array, constant, u16

SQUARES: Array[u16, 8] = constant(n * n for n in range(8))
