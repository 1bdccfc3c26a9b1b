from __future__ import annotations

from questv.metal.lang import external, u8, u64

image: u8 = external("_image")
start: u64 = external("_image")
