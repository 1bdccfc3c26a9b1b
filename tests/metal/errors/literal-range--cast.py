from __future__ import annotations

from questv.metal.lang import metal, u16


@metal
def minus_one() -> u16:
    return u16(-1)
