from __future__ import annotations

from questv.metal.lang import metal, u64


@metal
def many(n: u64) -> u64:
    return (
        n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n +
        n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n +
        n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n +
        n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n + n
    )
