from __future__ import annotations

from questv.metal.lang import u64

ticks: u64 = static(0)
