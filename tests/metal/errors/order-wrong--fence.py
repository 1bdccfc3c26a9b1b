from __future__ import annotations

from questv.metal.lang import RELAXED, fence, metal


@metal
def publish() -> None:
    fence(RELAXED)
