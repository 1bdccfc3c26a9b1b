from __future__ import annotations

from questv.metal.lang import Ptr, metal, u32
from questv.metal.structs import Struct


class Point(Struct):
    x: u32


@metal
def width(point: Ptr[Point]) -> u32:
    return point.x
