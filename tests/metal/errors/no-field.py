from __future__ import annotations

from questv.metal.lang import metal, u32
from questv.metal.structs import Struct


class Point(Struct):
    x: u32
    y: u32


@metal
def depth(point: Point) -> u32:
    return point.z
