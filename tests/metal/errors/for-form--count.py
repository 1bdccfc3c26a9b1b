from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def forever(n: u64) -> None:
    for _ in range(0, n, 1, 1):
        pass
