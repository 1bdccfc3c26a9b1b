from __future__ import annotations

from questv.metal.lang import static

nothing: None = static()
