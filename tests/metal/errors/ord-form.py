from __future__ import annotations

from questv.metal.lang import metal, u8


@metal
def newline() -> u8:
    return ord("\r\n")
