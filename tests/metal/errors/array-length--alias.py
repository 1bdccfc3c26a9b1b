from __future__ import annotations

from questv.metal.lang import Array, u8

Page = Array[u8, 4096.0]
