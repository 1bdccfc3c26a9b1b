from __future__ import annotations

from questv.metal.lang import metal


@metal
def half() -> str:
    return "\ud83d"
