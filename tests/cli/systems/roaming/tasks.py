from __future__ import annotations

from questv.metal.lang import u64
from questv.process import State, log, periodic


class Beats(State):
    count: u64


@periodic(period="50 ms", budget="1 ms")
def beat(beats: Beats) -> None:
    beats.count += 1
    log(f"{beats.count} beats")
