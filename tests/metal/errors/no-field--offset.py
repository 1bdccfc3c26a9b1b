from __future__ import annotations

from questv.metal.lang import metal, u32, u64
from questv.metal.structs import Struct, offsetof


class Point(Struct):
    x: u32


@metal
def where() -> u64:
    return offsetof(Point, "z")
