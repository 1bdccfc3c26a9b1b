"""A kernel is as new within the time that was aimed at, and a hang is found in time."""

from __future__ import annotations

import pytest

from benchmarks.recovery import FAULTS, restarts

GOAL = 50_000
DEADLINES = 1.5


@pytest.mark.parametrize("fault", ["page fault", "shutdown"])
def test_a_restart_takes_no_longer_than_was_aimed_at(fault: str) -> None:
    found = restarts(fault, 4)
    whole = found.phases["all of it"]
    assert len(whole) == 4 and max(whole) <= GOAL
    parts = [found.phases[phase] for phase in ("found", "decided", "restored", "core reset")]
    assert all(len(part) >= 4 for part in parts)
    assert sum(min(part) for part in parts) < min(whole)


def test_a_hang_is_found_in_time() -> None:
    found = restarts("hang", 4)
    assert len(found.silence) == 5
    assert all(1 < silence / 300_000 <= DEADLINES for silence in found.silence)


def test_every_kind_of_fault_is_measured() -> None:
    assert set(FAULTS.values()) == set(range(len(FAULTS)))
