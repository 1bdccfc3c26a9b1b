"""Which task runs: of those that are ready and may run, the most urgent.

This is the whole policy. A task's index is its urgency, 0 the greatest; no two are equal. Who may
run is decided elsewhere: a task may not while its VCPU has no budget, while the kernel's mode
leaves its level of criticality out, or while somebody holds a mutex whose ceiling it does not top.
"""

from __future__ import annotations

from questv.kernel import tasksets
from questv.kernel.info import MAX_TASKS
from questv.kernel.status import status
from questv.kernel.tasksets import WORDS, TaskSet
from questv.metal.lang import metal, static, u64

NOBODY = MAX_TASKS
"""Stands for the kernel itself where a task's index is kept."""

# Who may run is ``funded`` less ``suspended`` and ``barred``; ``holder`` may in any case.
funded: TaskSet = static()  # their VCPUs have budget
suspended: TaskSet = static()  # their level is below the kernel's mode
barred: TaskSet = static()  # they do not top the ceiling of a mutex that is held
holder: u64 = static(NOBODY)  # who has locked the mutex that was locked last and is held yet
limit: u64 = static()  # ticks that it may have had the core in all, when its VCPU has no budget
_may_run: TaskSet = static()


@metal(inline=True)
def reconsider() -> None:
    """Work out anew who may run, after one of the sets has changed."""
    for i in range(u64(WORDS)):
        _may_run.words[i] = funded.words[i] & ~suspended.words[i] & ~barred.words[i]
    if holder != NOBODY:
        tasksets.add(_may_run, holder)


@metal(inline=True)
def bar(ceiling: TaskSet) -> None:
    """Let nobody of ``ceiling`` run but ``holder``, who is one of them and has the core."""
    for i in range(u64(WORDS)):
        barred.words[i] |= ceiling.words[i]
        _may_run.words[i] &= ~ceiling.words[i]
    tasksets.add(_may_run, holder)


@metal(inline=True)
def choose() -> u64:
    """The task that should run, ``NOBODY`` if there is none."""
    return tasksets.first_of_both(status.ready, _may_run)
