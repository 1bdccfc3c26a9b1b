from __future__ import annotations

from questv.metal.lang import Atomic, clear, metal, u32
from questv.metal.structs import Struct


class Lock(Struct):
    word: Atomic[u32]


@metal
def reset(lock: Lock) -> None:
    clear(lock)
