from __future__ import annotations

from questv.metal.lang import Ptr, metal, u32
from questv.metal.structs import Struct


class Counter(Struct):
    value: u32

    @metal
    def reset(self) -> None:
        self.value = 0


@metal
def reset(counter: Ptr[Counter]) -> None:
    counter.reset()
