from __future__ import annotations

from questv.metal.lang import metal


@metal
@metal(inline=True)
def nothing() -> None:
    pass
