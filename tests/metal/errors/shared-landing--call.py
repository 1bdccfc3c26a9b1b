from __future__ import annotations

from questv.metal.lang import ACQUIRE, Shared, metal, u32, u64
from questv.metal.structs import Struct


class Ring(Struct):
    length: Shared[u32]


@metal
def length(ring: Ring) -> u64:
    found = u64(ring.length.load(ACQUIRE))
    return found
