from __future__ import annotations

from questv.metal.lang import metal, u32
from questv.metal.structs import Struct


class Counter(Struct):
    value: u32


@metal
def reset(counter: Counter) -> None:
    counter.reset()
