from __future__ import annotations

from questv.metal.lang import u32
from questv.metal.structs import Struct, at


class Block(Struct):
    control: u32 = at(1 << 47)
