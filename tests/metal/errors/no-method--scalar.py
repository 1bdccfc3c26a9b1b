from __future__ import annotations

from questv.metal.lang import metal


@metal
def missing(found: bool) -> bool:
    return found.is_null()
