"""Which task runs: of those that are ready, the most urgent.

This is the whole policy. A task's index is its urgency, 0 the greatest; no two are equal. Sets of
tasks are bits: bit n stands for task n.
"""

from __future__ import annotations

from questv.kernel.status import status
from questv.metal.lang import metal, u64


@metal(inline=True)
def make_ready(task: u64) -> None:
    """The task with this bit could run."""
    status.ready |= task


@metal(inline=True)
def make_unready(task: u64) -> None:
    """The task with this bit, which is ready, can't run now."""
    status.ready ^= task


@metal(inline=True)
def anyone_ready() -> bool:
    """Whether any task could run."""
    return status.ready != 0


@metal(inline=True)
def is_alone(task: u64) -> bool:
    """Whether the task with this bit is the only one that could run."""
    return status.ready == task


@metal(inline=True)
def choose() -> u64:
    """The bit of the task that should run; there is one."""
    return status.ready & -status.ready
