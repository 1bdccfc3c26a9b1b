from __future__ import annotations

from questv.metal.lang import metal, u32


@metal
def outer() -> u32:
    def inner() -> u32:
        return 1

    return inner()
