from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import metal, u8
from questv.metal.structs import width


@width(u8)
class Level(IntEnum):
    LOW = 0
    HIGH = 1


@metal
def below(level: Level) -> bool:
    return level < Level.HIGH
