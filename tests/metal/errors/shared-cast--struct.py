from __future__ import annotations

from questv.metal.lang import RELAXED, Array, Ptr, Shared, local, metal, ptr, u8, u32, u64
from questv.metal.structs import Struct, sizeof


class Job(Struct):
    number: u32
    done: u32


class Slot(Struct):
    head: Shared[u32]
    bytes: Array[Shared[u8], 60]


@metal
def take(slot: Ptr[Slot]) -> u32:
    again = Ptr[Slot](Ptr[Array[Shared[u8], 8]](slot))
    first = Ptr[Shared[u32]](again)[0].load(RELAXED)
    return first + Ptr[Job](slot)[0].done
