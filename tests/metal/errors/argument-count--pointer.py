from __future__ import annotations

from collections.abc import Callable

from questv.metal.lang import metal, u32


@metal
def apply(function: Callable[[u32], u32]) -> u32:
    return function(1, 2)
