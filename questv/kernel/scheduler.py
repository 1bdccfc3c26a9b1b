"""Which task runs: of those that are ready, the most urgent.

This is the whole policy. A task's index is its urgency, 0 the greatest; no two are equal.
"""

from __future__ import annotations

from questv.kernel.status import status
from questv.metal.lang import metal, trailing_zeros, u64


@metal(inline=True)
def make_ready(task: u64) -> None:
    """Task ``task`` could run."""
    status.ready |= u64(1) << task


@metal(inline=True)
def make_unready(task: u64) -> None:
    """Task ``task`` can't run now."""
    status.ready &= ~(u64(1) << task)


@metal(inline=True)
def anyone_ready() -> bool:
    """Whether any task could run."""
    return status.ready != 0


@metal(inline=True)
def choose() -> u64:
    """The task that should run; there is one."""
    return trailing_zeros(status.ready)
