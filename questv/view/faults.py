"""A fault on purpose, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from questv.faults.outcome import Outcome
from questv.faults.rows import Row
from questv.inspect.model import CrashReport
from questv.view.crash import crash_view
from questv.view.terminal import printable, table
from questv.view.units import moment

STYLES = {
    Outcome.NO_EFFECT: "green",
    Outcome.LATE: "green",
    Outcome.RECOVERED: "bold green",
    Outcome.STOPPED: "cyan",
    Outcome.HANG: "yellow",
    Outcome.SILENT: "magenta",
    Outcome.ESCAPE: "bold red",
    Outcome.NEVER: "dim",
}


def injection_view(row: Row, crash: CrashReport | None, again: str) -> RenderableType:
    """One run with a fault: what was done, what came of it, and how to have it again."""
    return Group(*_sections(row, crash, again))


def _sections(row: Row, crash: CrashReport | None, again: str) -> Iterator[RenderableType]:
    made = table("what", "value", header=False)
    made.add_row("sandbox", row.sandbox)
    made.add_row("fault", row.fault)
    made.add_row("moment", f"{row.at}, at {moment(row.time)} s" if row.time else row.at)
    if row.place:
        made.add_row("place", row.place)
    made.add_row("hit", row.region)
    if row.before != row.after:
        made.add_row("changed", f"{row.before} to {row.after}")
    made.add_row("outcome", Text(row.outcome, STYLES[row.outcome]))
    for reason in row.reasons:
        made.add_row("", printable(reason))
    if row.latency is not None:
        made.add_row("noticed", f"after {row.latency:,} ns")
    yield made
    if crash is not None:
        yield ""
        yield crash_view(row.sandbox, crash)
    yield ""
    yield Text(f"again: {again}", no_wrap=True, overflow="ignore")
