from __future__ import annotations

from questv.metal.lang import RELAXED, Array, Ptr, Shared, local, metal, ptr, u8, u32, u64
from questv.metal.structs import Struct, sizeof


class Job(Struct):
    number: u32
    done: u32


class Ring(Struct):
    length: u32

    @metal
    def commit(self) -> None:
        self.length += 1

    @metal
    def reserve(self) -> None:
        self.length += 1


@metal
def send(ring: Ring) -> None:
    ring.comit()
    ring.put()
