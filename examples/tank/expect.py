"""What a run should do: looked at on the host, when it has ended."""

from __future__ import annotations

from collections.abc import Iterator

from questv.expect import Expectation, RunResult


def check(run: RunResult) -> Iterator[Expectation]:
    """Nothing was late, and what the tasks counted fits."""
    (tank,) = run.report.sandboxes
    measure = tank.tasks[0]
    yield Expectation("in time", measure.misses == 0, f"{measure.releases} calls")
    pumped = tank.counters[0].total
    yield Expectation("pumped", 2_000 <= pumped <= 2_500, f"{pumped} litres")
    levels = tank.histograms[0]
    most = levels.most or 0
    yield Expectation("never too full", levels.count == 200 and most < 850, f"{most} litres")
    yield Expectation("all fillings shown", len(run.console("tank")) == 3)
