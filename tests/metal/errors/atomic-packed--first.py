from __future__ import annotations

from questv.metal.lang import Shared, u8, u32
from questv.metal.structs import Struct


class Lock(Struct, packed=True):
    word: Shared[u32]
    owner: u8
