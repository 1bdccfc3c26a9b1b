from __future__ import annotations

from questv.metal.lang import asm, metal


@metal
def pause() -> None:
    asm("pause")
