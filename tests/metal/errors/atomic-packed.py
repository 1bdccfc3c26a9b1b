from __future__ import annotations

from questv.metal.lang import Atomic, u8, u32
from questv.metal.structs import Struct


class Lock(Struct, packed=True):
    owner: u8
    word: Atomic[u32]
