from __future__ import annotations

from questv.metal.lang import metal, u32
from questv.metal.structs import Struct


class Point(Struct):
    x: u32


@metal
def reset(point: Point) -> None:
    point.x: u32 = 0
