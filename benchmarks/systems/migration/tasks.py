"""A task that moves, at times in the middle of its calls, at others between two of them."""

from __future__ import annotations

from questv.metal.lang import asm, metal, u64
from questv.process import State, now, periodic, sleep_until


class Calls(State):
    """How many there have been."""

    count: u64


@periodic(period="9 ms", budget="1200 us", floats=True)
def roam(calls: Calls, first: u64) -> None:
    """Every other call is long enough to be stopped in, and its waits cut the budget in pieces."""
    calls.count += 1
    if (calls.count + first) % 2 == 0:
        for _ in range(u64(20)):
            _burn(30_000)
            sleep_until(now() + 10_000)


@metal
def _burn(instructions: u64) -> None:
    asm("2: sub $0, 2; ja 2b", u64, "=r,0", instructions)
