"""The way from an interrupt to the task keeps its goal, whatever others do."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.latency import GOAL, WORST, Load, latency

ABOVE_A_TASK = 280
"""What it takes where a task has to be interrupted and left first, which misses the goal."""


@pytest.mark.parametrize(
    ("load", "bound"),
    [
        (Load(), GOAL),
        (Load(neighbours=2), GOAL),
        (Load(failing=True), GOAL),
        (Load(neighbours=2, below=True), ABOVE_A_TASK),
    ],
    ids=["alone", "beside others", "beside a storm of faults", "above a task"],
)
@pytest.mark.parametrize("event", ["timer", "doorbell"])
def test_from_an_interrupt_to_the_task(event: str, load: Load, bound: int) -> None:
    found = latency(event, load, time=12_000_000)[10:]
    assert len(found) > 50
    assert statistics.median(found) <= bound
    assert max(found) <= WORST * statistics.median(found)
