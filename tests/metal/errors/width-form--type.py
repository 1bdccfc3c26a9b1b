from __future__ import annotations

from enum import IntEnum

from questv.metal.structs import width


@width(8)
class State(IntEnum):
    IDLE = 0
