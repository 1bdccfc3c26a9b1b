from __future__ import annotations

from questv.metal.lang import metal, u8


@metal
def draw(x: u8, y: u8, width: u8, height: u8, red: u8, green: u8, blue: u8) -> None:
    pass
