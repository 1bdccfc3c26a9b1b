from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import metal, u8
from questv.metal.structs import width


@width(u8)
class State(IntEnum):
    IDLE = 0


@metal
def state(ready: bool) -> State:
    return State(ready)
