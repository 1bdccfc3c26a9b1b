from __future__ import annotations

from questv.metal.lang import static

counters = [static(0), static(0)]
