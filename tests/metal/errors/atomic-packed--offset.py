from __future__ import annotations

from questv.metal.lang import Atomic, u32
from questv.metal.structs import Struct, at


class Ring(Struct):
    head: Atomic[u32] = at(0)
    tail: Atomic[u32] = at(6)
