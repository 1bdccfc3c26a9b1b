"""What a run with a fault, and what many of them, look like."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from questv.faults.model import Kind
from questv.faults.outcome import Outcome
from questv.faults.rows import Row
from questv.faults.summary import summarize
from questv.view.campaign import campaign_page, campaign_view, counts_line
from questv.view.faults import STYLES, injection_view

from .rendering import plain

ROW = Row(
    run=3,
    sandbox="ping",
    kind=Kind.REGISTER_BIT,
    fault="register-bit:rsp:40",
    at="500th",
    region="registers",
    place="tasks.ping",
    time=45_018,
    before="00",
    after="01",
    outcome=Outcome.STOPPED,
    reasons=("stopped by its monitor: kernel panic",),
    latency=1_583,
)


def row(run: int, outcome: Outcome, *, latency: int | None = None) -> Row:
    return ROW.model_copy(update={"run": run, "outcome": outcome, "latency": latency})


def test_one_run() -> None:
    again = "questv inject a " + "b" * 200
    text = plain(injection_view(ROW, None, again))
    assert "moment   500th, at 0.000045 s" in text
    assert "outcome  detected and stopped" in text and "noticed  after 1,583 ns" in text
    assert again in text  # on one line, to be copied


def test_many_runs() -> None:
    rows = [ROW, row(4, Outcome.ESCAPE), row(5, Outcome.SILENT), row(6, Outcome.STOPPED, latency=7)]
    summary = summarize(rows, system="a", image="f" * 64, seed=9, again="questv inject a")
    text = plain(campaign_view(summary, Path("file")))
    assert "a: 4 runs with faults, seed 9" in text
    line = "questv inject a --sandbox ping --fault register-bit:rsp:40 --at 500th"
    assert f"escape: {line}" in text and "no escape" not in text
    page = campaign_page(summary, rows, "questv campaign <a>", "questv inject a")
    assert "questv campaign &lt;a&gt;" in page and "Escapes: 1" in page
    assert "Escape: 1 run" in page and "Silent corruption: 1 run" in page and line in page
    for svg in page.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + svg.partition("</svg>")[0] + "</svg>")


def test_all_outcomes_can_be_shown() -> None:
    assert set(STYLES) == set(Outcome)
    rows = [row(run, outcome) for run, outcome in enumerate(Outcome)]
    summary = summarize(rows, system="a", image="f", seed=0, again="x")
    assert list(summary.outcomes) == list(Outcome)
    assert campaign_page(summary, rows, "x", "x")
    assert counts_line(summary.outcomes).startswith("1 no effect, 1 late, ")
