from __future__ import annotations

from enum import Enum

from questv.metal.lang import u8
from questv.metal.structs import width


@width(u8)
class State(Enum):
    IDLE = 0
