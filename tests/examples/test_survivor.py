"""The survivor goes on through all its faults, and says so if it does not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from questv.inspect.report import RunReport, read_report

SURVIVOR = Path(__file__).parent.parent.parent / "examples" / "survivor"
WAYS = (
    "panicked: page fault",
    "panicked: on purpose",
    "executed WBINVD",
    "wrote to port 0x70",
    "read MSR 0xc0000080",
    "made hypercall 99",
    "shut down",
    "hung",
)


def run(system: Path, report: Path) -> tuple[int, str, RunReport]:
    questv = Path(sys.executable).with_name("questv")
    command = [questv, "run", system, "--deterministic", "--report", report]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, read_report(report)


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, RunReport]:
    return run(SURVIVOR, tmp_path_factory.mktemp("survivor") / "report.json")


def test_every_promise_is_kept(survived: tuple[int, str, RunReport]) -> None:
    code, _, report = survived
    assert code == 0
    assert len(report.expectations) == 10
    assert report.succeeded, [each for each in report.expectations if not each.met]


def test_each_fault_is_one_line_between_two_lives(survived: tuple[int, str, RunReport]) -> None:
    said = re.findall(r"^ +[\d.]+  comms/\S+ +(.*)$", survived[1], re.M)
    said = [line for line in said if not line.startswith("panic: ")]
    for number, way in enumerate(WAYS, 1):
        life, fault = said[2 * number - 2 : 2 * number]
        assert life.startswith(f"life {number}, after ")
        assert fault.startswith(way)
        assert re.search(rf"; restarted in [\d.]+ us as incarnation {number}$", fault)
    assert said[2 * len(WAYS) :] == ["life 9, after 160 messages", "nothing else goes wrong"]


def test_the_whole_records_are_in_the_report(survived: tuple[int, str, RunReport]) -> None:
    _, said, report = survived
    assert "innermost call first" not in said
    (comms,) = (each for each in report.sandboxes if each.name == "comms")
    assert all(crash.trace or crash.panic for crash in comms.crashes)


def test_a_promise_that_is_not_kept_fails_the_run(tmp_path: Path) -> None:
    """Nobody holds the pendulum, comms is restarted too seldom, and nobody lies."""
    system = tmp_path / "system"
    shutil.copytree(SURVIVOR, system, ignore=shutil.ignore_patterns("__pycache__"))
    description = (system / "system.toml").read_text()
    for old, new in (
        ("stiffness = 60.0", "stiffness = 0.0"),
        ("limit = 8 ", "limit = 2 "),
        ("corrupt_at = 100", "corrupt_at = 0"),
    ):
        assert old in description
        description = description.replace(old, new)
    (system / "system.toml").write_text(description)
    code, said, report = run(system, tmp_path / "report.json")
    assert code == 1
    assert [each.name for each in report.expectations if not each.met] == [
        "upright",
        "comms repaired",
        "telemetry goes on",
        "the odd one found",
        "and back",
    ]
    assert "comms executed WBINVD, which no kernel may" in said
    assert "stopped: it was restarted too often" in said
