from __future__ import annotations

import struct

from questv.metal.lang import metal, u8


@metal
def state() -> u8:
    return struct.length
