from __future__ import annotations

from enum import IntEnum

from questv.metal.lang import u8
from questv.metal.structs import width


@width(u8)
class Port(IntEnum):
    KEYBOARD = 0x60
    SERIAL = 0x3F8
