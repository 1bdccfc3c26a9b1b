from __future__ import annotations

from questv.metal.lang import Array, constant, u16

PORTS: Array[u16, 2] = constant([0x60, 0x64, 0x3F8])
