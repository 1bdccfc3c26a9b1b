from __future__ import annotations

from questv.metal.lang import Atomic, u32
from questv.metal.structs import Struct


class Slot(Struct, size=6):
    word: Atomic[u32]
