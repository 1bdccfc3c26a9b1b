from __future__ import annotations

from questv.metal.lang import RELAXED, Shared, metal, u32
from questv.metal.structs import Struct


class Ring(Struct):
    head: Shared[u32]


@metal
def advance(ring: Ring) -> None:
    ring.head.add(1, RELAXED)
