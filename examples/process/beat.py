"""A part of the court's kernel that goes on, whatever becomes of the judge."""

from __future__ import annotations

from questv.api import State, finish, log, periodic
from questv.metal.lang import u64


class Beats(State):
    """How many there were."""

    count: u64


@periodic(period="10 ms", budget="1 ms")
def beat(beats: Beats) -> None:
    """Count, and say so from time to time."""
    beats.count += 1
    log(f"beat {beats.count}")
    if beats.count == 8:
        finish()
