from __future__ import annotations

import pytest

from questv.inspect.report import ExpectationReport, Outcome
from questv.view.run import report_view, summary_view, verdict
from tests.inspect.samples import crash, report, sandbox

from .rendering import coloured, plain

MET = ExpectationReport(name="sum", met=True, detail="42")
UNMET = ExpectationReport(name="order", met=False, detail="2 before 1")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "ended as planned"),
        ({"expectations": (MET,)}, "ended as planned, 1 expectation met"),
        ({"expectations": (MET, UNMET)}, "failed: 1 of 2 expectations not met"),
        (
            {"sandboxes": (sandbox("left", 0, crash=crash()),), "expectations": (UNMET,)},
            "failed: left crashed, 1 of 1 expectations not met",
        ),
        (
            {"outcome": Outcome.BOOT_FAILED, "detail": "no SVM; use \x1b another"},
            "boot failed: no SVM; use \\x1b another",
        ),
        ({"outcome": Outcome.INTERRUPTED, "detail": "by SIGINT"}, "interrupted: by SIGINT"),
    ],
)
def test_verdicts(change: dict[str, object], text: str) -> None:
    assert plain(verdict(report().model_copy(update=change))) == f"{text}\n"


def test_expectations() -> None:
    shown = plain(summary_view(report().model_copy(update={"expectations": (MET, UNMET)})))
    assert (
        "Expectations\n"
        "  met      sum    42\n"
        "  NOT MET  order  2 before 1\n"
        "\n"
        "failed: 1 of 2 expectations not met\n"
    ) in shown


def test_success_is_green_and_failure_red() -> None:
    assert coloured(verdict(report())).startswith("\x1b[1;32m")
    failed = report().model_copy(update={"expectations": (UNMET,)})
    assert coloured(verdict(failed)).startswith("\x1b[1;31m")


def test_a_report_that_is_looked_at_again() -> None:
    shown = plain(report_view(report()))
    assert shown.startswith(f"sample\nimage: SHA-256 {'ab' * 32}\ninput: file, 1234 B\nmachine: ")
    assert "Last lines\n" in shown
    assert shown.endswith("\n\nended as planned\n")
