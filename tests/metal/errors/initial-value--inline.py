from __future__ import annotations

from collections.abc import Callable

from questv.metal.lang import metal, static


@metal(inline=True)
def tick() -> None:
    pass


handler: Callable[[], None] = static(tick)
