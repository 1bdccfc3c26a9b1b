from __future__ import annotations

from collections.abc import Callable

from questv.metal.lang import metal, static, u32


@metal
def tick() -> None:
    pass


handler: Callable[[u32], None] = static(tick)
