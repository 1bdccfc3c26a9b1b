from __future__ import annotations

from questv.metal.lang import i32, metal, u8, u32


@metal
def draw(x: u32, color: u8) -> None:
    pass


@metal
def line(x: i32) -> None:
    draw(x, 7)
