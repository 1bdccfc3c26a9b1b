"""The way from an interrupt to the task keeps its goal, whatever others do."""

from __future__ import annotations

import statistics

import pytest

from benchmarks.latency import GOAL, WORST, latency


@pytest.mark.parametrize(("neighbours", "below"), [(0, False), (2, True)], ids=["alone", "loaded"])
@pytest.mark.parametrize("event", ["timer", "doorbell"])
def test_from_an_interrupt_to_the_task(event: str, neighbours: int, below: bool) -> None:
    found = latency(event, neighbours=neighbours, below=below, time=12_000_000)[10:]
    assert len(found) > 50
    assert statistics.median(found) <= GOAL
    assert max(found) <= WORST * statistics.median(found)
