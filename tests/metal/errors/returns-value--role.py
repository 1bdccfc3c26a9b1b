from __future__ import annotations

from questv.metal.lang import metal, u64

handler = metal(role="handler")


@handler
def count(total: u64) -> None:
    return total + 1
