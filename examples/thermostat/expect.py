"""What a run should do: looked at on the host, when it has ended."""

from __future__ import annotations

from collections.abc import Iterator

from questv.expect import Expectation, RunResult


def check(run: RunResult) -> Iterator[Expectation]:
    """Every reading came, and the room is warm."""
    lines = [line.text for line in run.console("panel")]
    yield Expectation("all readings", lines[-1].startswith("200 readings"), lines[-1])
    inside = int(lines[-2].split()[0])
    yield Expectation("warm", 2000 <= inside <= 2200, f"{inside / 100} degrees in the end")
