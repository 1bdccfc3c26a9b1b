from __future__ import annotations

from questv.metal.lang import metal, u64
from questv.metal.structs import Struct


class Point(Struct):
    x: u64


@metal
def bits(point: Point) -> u64:
    return u64(point)
