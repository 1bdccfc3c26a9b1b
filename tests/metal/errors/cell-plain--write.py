from __future__ import annotations

from questv.metal.lang import Register, metal, u32
from questv.metal.structs import Struct


class Timer(Struct):
    control: Register[u32]


@metal
def stop(timer: Timer) -> None:
    timer.control = 0
