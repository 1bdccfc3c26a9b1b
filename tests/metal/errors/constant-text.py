from __future__ import annotations

from questv.metal.lang import asm, metal


@metal
def run(text: str) -> None:
    asm(text, None, "")
