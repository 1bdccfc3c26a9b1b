from __future__ import annotations

from questv.metal.lang import metal


@metal
def yes() -> bool:
    return bool(1)
