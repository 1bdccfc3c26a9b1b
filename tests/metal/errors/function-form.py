from __future__ import annotations

from questv.metal.lang import metal

double = metal(lambda value: value * 2)
