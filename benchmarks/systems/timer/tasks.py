"""From the timer's interrupt to the first instruction of the task that it wakes."""

from __future__ import annotations

from questv.api import now, sleep_until, task
from questv.arch.x86.instructions import read_tsc
from questv.kernel import clock
from questv.metal.lang import Array, static, u64

ROUNDS = 1000
PERIOD = 1_000_000

samples: Array[u64, ROUNDS] = static(export="samples")


@task
def wake() -> None:
    """Sleep to a moment; measure how much later, in ticks, the task goes on."""
    next = now() + PERIOD
    for i in range(u64(ROUNDS)):
        sleep_until(next)
        samples[i] = read_tsc() - clock.to_tsc(next)
        next += PERIOD
