from __future__ import annotations

from questv.metal.lang import SEQ_CST, fence, metal


@metal
def get() -> None:
    value = fence(SEQ_CST)
