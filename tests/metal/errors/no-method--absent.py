from __future__ import annotations

from questv.metal.lang import metal, u32, u64
from questv.metal.structs import Struct


class Kind(Struct, abstract=True):
    @metal
    def keep(self: u64) -> None:
        pass


class Counter(Kind):
    __absent__ = {"keep": "say what for"}
    value: u32


@metal
def keep(counter: Counter) -> None:
    counter.keep()
