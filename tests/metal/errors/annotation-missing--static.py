from __future__ import annotations

from questv.metal.lang import static

count = static(0)
