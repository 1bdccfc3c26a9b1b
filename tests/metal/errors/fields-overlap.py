from __future__ import annotations

from questv.metal.lang import u32, u64
from questv.metal.structs import Struct, at


class Block(Struct):
    address: u64 = at(0x10)
    length: u32 = at(0x14)
    flags: u32 = at(0x20)
