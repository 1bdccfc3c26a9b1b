from __future__ import annotations

from questv.metal.lang import RELAXED, Array, Ptr, Shared, local, metal, ptr, u8, u32, u64
from questv.metal.structs import Struct, sizeof


class Job(Struct):
    number: u32
    done: u32


@metal
def send(ring: Ptr[u8], cells: Ptr[Shared[u32]]) -> None:
    ring.commit()
    cells.store(1, RELAXED)
