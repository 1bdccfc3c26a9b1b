"""What a process pays for a system call, and for giving the core to another and getting it back."""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.metal.lang import Array, metal, static, u64
from questv.process import finish, now, sleep_until, task

COUNT = 110
PERIOD = 100_000  # nanoseconds
_INTERRUPTED = 100  # ticks; what takes longer was no turn of the loop

samples: Array[u64, COUNT] = static(export="samples")
gaps: Array[u64, COUNT] = static(export="gaps")


@task
def urgent() -> None:
    """Have nothing to do again and again."""
    due = now() + 10 * PERIOD
    for _ in range(u64(COUNT)):
        due += PERIOD
        sleep_until(due)


@task
def main() -> None:
    """Call the kernel for next to nothing; then look how long the core is gone."""
    for i in range(u64(COUNT)):
        start = read_tsc()
        finish()
        samples[i] = read_tsc() - start
    for i in range(u64(COUNT)):
        gaps[i] = _next_gap()


@metal
def _next_gap() -> u64:
    before = read_tsc()
    while True:
        after = read_tsc()
        if after - before > _INTERRUPTED:
            return after - before
        before = after
