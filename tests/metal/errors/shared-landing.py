from __future__ import annotations

from questv.metal.lang import ACQUIRE, Array, Shared, metal, u8, u32
from questv.metal.structs import Struct


class Ring(Struct):
    length: Shared[u32]
    bytes: Array[u8, 256]


@metal
def last(ring: Ring) -> u8:
    return ring.bytes[ring.length.load(ACQUIRE)]
