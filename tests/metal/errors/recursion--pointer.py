from __future__ import annotations

from collections.abc import Callable

from questv.metal.lang import metal, static, u64


@metal
def step(value: u64) -> u64:
    return 0 if value == 0 else handler(value - 1)


handler: Callable[[u64], u64] = static(step)
