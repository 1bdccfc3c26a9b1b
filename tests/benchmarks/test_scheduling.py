"""What admission counts with is no less than what the kernel takes."""

from __future__ import annotations

import pytest

from benchmarks.scheduling import release
from questv.admission.costs import MEASURED


@pytest.mark.parametrize("processes", [False, True], ids=["tasks", "processes"])
def test_a_release_costs_no_more_than_admission_counts(processes: bool) -> None:
    """An interrupt of the timer and two switches, with all that the task does to be called."""
    assert 100 < release(1, processes=processes) <= MEASURED.timer + 2 * MEASURED.switch
