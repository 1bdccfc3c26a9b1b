from __future__ import annotations

from questv.metal.lang import Ptr, metal, u8, u32
from questv.metal.structs import Struct


class Counter(Struct):
    value: u32

    @metal
    def erase(self: Ptr[u8]) -> None:
        self[0] = 0


@metal
def reset(counter: Counter) -> None:
    counter.erase()
