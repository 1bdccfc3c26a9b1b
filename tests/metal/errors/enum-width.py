from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import metal


class Color(IntEnum):
    RED = 1


@metal
def next_color(color: Color) -> Color:
    return color
