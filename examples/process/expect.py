"""What a run of this system should come to."""

from __future__ import annotations

from collections.abc import Iterator

from questv.expect import Expectation, RunResult


def check(run: RunResult) -> Iterator[Expectation]:
    """Every reading was judged, and the mean is that of 0 to 9."""
    said = [line.text for line in run.console("sensor")]
    wanted = "50 readings, their mean is 4500 thousandths"
    yield Expectation("all are judged", said == [wanted], ", ".join(said))
