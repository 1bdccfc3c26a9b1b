"""The end of a run, for a person."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from questv.inspect.report import ExpectationReport, Outcome, RunReport
from questv.view.snapshot import inspection_view, snapshot_view
from questv.view.terminal import heading, indented, printable, table
from questv.view.timing import late_lines
from questv.view.units import count, size


def summary_view(report: RunReport) -> RenderableType:
    """What came out of a run: the counters, what was expected of it, and the verdict."""
    return Group(snapshot_view(report), "", *_outcome(report))


def report_view(report: RunReport) -> RenderableType:
    """A run that is long over, from its report."""
    parts: list[RenderableType] = [
        Text(report.system, style="bold"),
        Text(f"image: SHA-256 {report.image}", overflow="fold"),
        *(Text(f"input: {each.name}, {size(each.bytes)}") for each in report.inputs),
        inspection_view(report, report.console),
    ]
    return Group(*parts, "", *_outcome(report))


def verdict(report: RunReport) -> Text:
    """How the run went, in one line."""
    if report.outcome is not Outcome.ENDED:
        detail = printable(report.detail)
        return Text(f"{report.outcome}: {detail}", "bold red", no_wrap=True, overflow="ignore")
    failures = [f"{sandbox.name} crashed" for sandbox in report.crashed]
    failures += [f"task {task} failed" for task in report.failed]
    unmet = sum(not expectation.met for expectation in report.expectations)
    if unmet:
        failures.append(f"{unmet} of {len(report.expectations)} expectations not met")
    if failures:
        return Text(f"failed: {', '.join(failures)}", "bold red")
    met = f", {count(len(report.expectations), 'expectation')} met" if report.expectations else ""
    repaired = sum(sandbox.incarnation for sandbox in report.sandboxes)
    after = f", {count(repaired, 'fault')} repaired" if repaired else ""
    return Text(f"ended as planned{after}{met}", "bold green")


def _outcome(report: RunReport) -> Iterator[RenderableType]:
    if report.expectations:
        yield heading("Expectations")
        yield indented(_expectations(report.expectations))
        yield ""
    yield from late_lines(report.sandboxes)
    yield verdict(report)


def _expectations(expectations: tuple[ExpectationReport, ...]) -> Table:
    made = table("met", "name", "detail", header=False)
    for each in expectations:
        met = Text("met", "green") if each.met else Text("NOT MET", "bold red")
        made.add_row(met, printable(each.name), printable(each.detail))
    return made
