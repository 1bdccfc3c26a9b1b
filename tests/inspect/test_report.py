from __future__ import annotations

from pathlib import Path

import pytest

from questv.inspect.model import CrashReport, SandboxReport
from questv.inspect.report import (
    ExpectationReport,
    Outcome,
    ReportError,
    RunReport,
    read_report,
)

from .samples import crash, report


def test_a_report_survives_its_file(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(report().model_dump_json(indent=2))
    assert read_report(file) == report()


def test_what_success_is() -> None:
    fine = report()
    assert fine.succeeded and fine.booted
    unmet = ExpectationReport(name="all", met=False, detail="")
    assert not changed(fine, expectations=(unmet,)).succeeded
    assert changed(fine, expectations=(unmet.model_copy(update={"met": True}),)).succeeded
    for outcome in set(Outcome) - {Outcome.ENDED}:
        assert not changed(fine, outcome=outcome).succeeded
    assert not changed(fine, sandboxes=(with_crash(fine.sandboxes[0], crash()),)).succeeded


def changed(original: RunReport, **update: object) -> RunReport:
    return original.model_copy(update=update)


def with_crash(sandbox: SandboxReport, record: CrashReport) -> SandboxReport:
    return sandbox.model_copy(update={"state": "crashed", "crash": record})


@pytest.mark.parametrize("text", ["", "{}", "[1, 2]", '{"format": 2}', "\x00\xff"])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(text)
    with pytest.raises(ReportError, match=r"run\.json is no report of a run") as error:
        read_report(file)
    assert error.value.fix == "make one: questv run SYSTEM --report FILE.json"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="No such file"):
        read_report(tmp_path / "run.json")
