from __future__ import annotations

from questv.metal.lang import asm, metal


@metal
def wait() -> None:
    asm("pausse", None, "")
