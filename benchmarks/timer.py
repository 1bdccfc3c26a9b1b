"""From a timer's interrupt to the first instruction of the task that it wakes."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.machines import SYSTEMS, samples
from benchmarks.statistics import Result, summarize
from questv.plan.build import build

_WARM_UP = 10


def wake_up() -> Iterator[Result]:
    """The moment that the task goes on, less the moment that the timer was set to."""
    measured = samples(build(SYSTEMS / "timer"), "first")[_WARM_UP:]
    yield summarize(
        "timer interrupt to task, idle core", "instructions", "instructions", measured, 150
    )
