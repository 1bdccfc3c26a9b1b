"""What came of a campaign: a table for a terminal, and a page with plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from questv.faults.outcome import Outcome
from questv.faults.rows import Row
from questv.faults.summary import Summary, again_line
from questv.view.faults import STYLES
from questv.view.plot import bars, distributions
from questv.view.terminal import heading, indented, table
from questv.view.units import count

_COLOURS = {
    Outcome.NO_EFFECT: "#9aa5b1",
    Outcome.LATE: "#c3cbd3",
    Outcome.RECOVERED: "#2f9e6e",
    Outcome.STOPPED: "#3b7dd8",
    Outcome.HANG: "#e0a030",
    Outcome.SILENT: "#a050c0",
    Outcome.ESCAPE: "#d02020",
    Outcome.NEVER: "#eeeeee",
}
_LISTED = (Outcome.ESCAPE, Outcome.SILENT, Outcome.HANG)
_MOST = 100
"""Runs of each outcome that a page lists."""


def counts_line(counts: Mapping[Outcome, int]) -> str:
    """How many runs came to what, for beside a progress bar."""
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])


# ---- for a terminal --------------------------------------------------------------------------


def campaign_view(summary: Summary, file: Path) -> RenderableType:
    """All of a summary."""
    return Group(*_sections(summary, file))


def _sections(summary: Summary, file: Path) -> Iterator[RenderableType]:
    runs = count(summary.runs, "run")
    yield Text.assemble((summary.system, "bold"), f": {runs} with faults, seed {summary.seed}")
    yield Text(f"image: SHA-256 {summary.image}")
    for title, groups in (("Kinds of fault", summary.by_kind), ("What was hit", summary.by_region)):
        yield ""
        yield heading(title)
        yield indented(_counts(summary, groups))
    if summary.latency:
        yield ""
        yield heading("From the fault to its notice, in nanoseconds")
        yield indented(_latency(summary))
    yield ""
    for line in summary.escapes:
        yield Text(f"escape: {line}", "bold red", no_wrap=True, overflow="ignore")
    if not summary.escapes:
        yield Text("no escape: nothing has changed that is not the sandbox's own", "bold green")
    yield Text(f"all runs are in {file}", overflow="fold")


def _counts(summary: Summary, groups: Mapping[str, Mapping[Outcome, int]]) -> RenderableType:
    names = [str(outcome) for outcome in summary.outcomes]
    made = table("", "runs", *names, numbers=("runs", *names))
    for name, counts in (*groups.items(), ("all", summary.outcomes)):
        cells = [
            Text(str(counts.get(outcome, 0)), STYLES[outcome] if counts.get(outcome) else "dim")
            for outcome in summary.outcomes
        ]
        made.add_row(name, str(sum(counts.values())), *cells)
    return made


def _latency(summary: Summary) -> RenderableType:
    columns = ("noticed", "least", "lower", "median", "upper", "most")
    made = table("fault", *columns, numbers=columns)
    for kind, times in summary.latency.items():
        values = (times.count, times.least, times.lower, times.median, times.upper, times.most)
        made.add_row(kind, *(f"{value:,}" for value in values))
    return made


# ---- a page ----------------------------------------------------------------------------------


def campaign_page(summary: Summary, rows: Sequence[Row], command: str, again: str) -> str:
    """One file of HTML, with nothing outside of it."""
    latencies: dict[str, list[int]] = {}
    for row in rows:
        if row.latency is not None:
            latencies.setdefault(row.kind, []).append(row.latency)
    names = {str(outcome): colour for outcome, colour in _COLOURS.items()}
    parts = [
        f"<h1>{escape(summary.system)}: {count(summary.runs, 'run')} with faults</h1>",
        f"<p><code>{escape(command)}</code></p>",
        f"<p>Seed {summary.seed}, image SHA-256 <code>{summary.image}</code>.</p>",
        _verdict(summary),
        "<h2>Outcomes by kind of fault</h2>",
        bars(_named(summary.by_kind), names),
        "<h2>Outcomes by what was hit</h2>",
        bars(_named(summary.by_region), names),
        "<h2>From the fault to its notice</h2>",
        distributions(latencies),
        *_listed(rows, again),
    ]
    return _PAGE.format(title=escape(summary.system), body="\n".join(parts))


def _named(groups: Mapping[str, Mapping[Outcome, int]]) -> dict[str, dict[str, int]]:
    return {
        name: {str(outcome): number for outcome, number in counts.items()}
        for name, counts in groups.items()
    }


def _verdict(summary: Summary) -> str:
    cells = "".join(
        f"<tr><td>{outcome}</td><td class=n>{number:,}</td></tr>"
        for outcome, number in summary.outcomes.items()
    )
    return f"<table>{cells}</table><p><b>Escapes: {len(summary.escapes)}</b></p>"


def _listed(rows: Sequence[Row], again: str) -> Iterator[str]:
    """Runs that somebody may want to look into, each with the command that makes it again."""
    for outcome in _LISTED:
        found = [row for row in rows if row.outcome is outcome]
        if found:
            shown = f", of which {_MOST} are listed" if len(found) > _MOST else ""
            yield f"<h2>{str(outcome).capitalize()}: {count(len(found), 'run')}{shown}</h2><table>"
            for row in found[:_MOST]:
                why = escape("; ".join(row.reasons))
                line = escape(again_line(again, row))
                yield f"<tr><td class=n>{row.run}</td><td>{why}<br><code>{line}</code></td></tr>"
            yield "</table>"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}: faults</title>
<style>
body {{ font: 15px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; }}
code {{ font-size: 13px; overflow-wrap: anywhere; }}
td {{ padding: 2px 12px 2px 0; vertical-align: top; }}
.n {{ text-align: right; }}
svg {{ width: 100%; height: auto; font: 12px sans-serif; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
