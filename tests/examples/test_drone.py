"""The drone flies, whatever becomes of another kernel; and against a model on the host."""

from __future__ import annotations

import cmath
import math
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from questv.inspect.model import Line
from questv.inspect.report import RunReport, read_report

DRONE = Path(__file__).parent.parent.parent / "examples" / "drone"
CRASH = 5.0  # seconds after the flight's begin
FLYING = ("sensors", "flight", "plant")


def python(*words: object, timeout: float = 120) -> str:
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reports of both flights, and the picture."""
    folder = tmp_path_factory.mktemp("flights")
    python(DRONE / "plot.py", folder)
    return folder


@pytest.fixture(scope="module")
def quiet(flights: Path) -> RunReport:
    return read_report(flights / "quiet.json")


@pytest.fixture(scope="module")
def crash(flights: Path) -> RunReport:
    return read_report(flights / "crash.json")


def lines(report: RunReport, sandbox: str) -> tuple[Line, ...]:
    (found,) = (each for each in report.console if each.sandbox == sandbox)
    return found.lines


def test_a_quiet_flight_is_as_expected(quiet: RunReport) -> None:
    assert len(quiet.expectations) == 12
    assert quiet.succeeded, [each for each in quiet.expectations if not each.met]


def test_the_whole_flight_is_recorded(quiet: RunReport) -> None:
    record = lines(quiet, "plant")
    assert record[0].number == 1, "the console has lost the beginning"
    samples = [each for line in record for each in line.text.split(";")[:-1]]
    assert [int(each.split()[0]) for each in samples] == list(range(0, 11_800, 48))


def test_the_mission_crashes_in_mid_air(crash: RunReport) -> None:
    (crashed,) = crash.crashed
    assert crashed.name == "mission" and crashed.crash is not None
    assert "page fault writing to 0xdead0000" in crashed.crash.reason
    assert crashed.crash.task == "report"
    assert crashed.crash.time is not None
    assert abs(crashed.crash.time / 1e9 - 0.2 - CRASH) < 0.25


def test_the_flight_is_not_touched(quiet: RunReport, crash: RunReport) -> None:
    """Not a digit of the record differs, nor does when any task of the flight is called."""
    assert all(each.met for each in crash.expectations) and crash.expectations
    texts = [[line.text for line in lines(report, "plant")] for report in (quiet, crash)]
    assert texts[0] == texts[1]
    for name in FLYING:
        calls = [
            [
                (task.name, task.releases, task.misses, task.dropped)
                for sandbox in report.sandboxes
                if sandbox.name == name
                for task in sandbox.tasks
            ]
            for report in (quiet, crash)
        ]
        assert calls[0] == calls[1]


def test_the_picture_has_both_flights(flights: Path) -> None:
    picture = (flights / "flight.svg").read_text()
    assert "height, quiet" in picture and "height, crash" in picture
    assert "mission crashes" in picture


def test_the_loops_are_as_stable_as_their_pages_say() -> None:
    """With the gains of the description and the motors' lag of the data sheet."""
    text = (DRONE / "system.toml").read_text()
    bound: dict[str, float] = {}
    for sandbox in tomllib.loads(text)["sandbox"]:
        for task in sandbox["task"]:
            bound |= task.get("bind", {})
    found = re.search(r"^MOTOR_LAG = (\S+)", (DRONE / "airframe.py").read_text(), re.M)
    assert found is not None
    lag, rate, angle = float(found[1]), bound["rate_gain"], bound["angle_gain"]
    for root in (-13.3, complex(-10.0, 17.3)):
        left = (lag * root**3, root**2, rate * root, rate * angle)
        assert abs(sum(left)) < 0.01 * sum(map(abs, left))
    k, s = bound["stiffness"], 3.6j  # where the outer loop's gain is 1
    inner = rate * angle / (lag * s**3 + s**2 + rate * s + rate * angle)
    gain = (3 * k * s + 3 * k**2 + k**3 / s) / s**2 * inner * cmath.exp(-0.015 * s)
    assert abs(gain) == pytest.approx(1, rel=0.02)
    assert math.degrees(cmath.phase(-gain)) == pytest.approx(42, abs=1)


def test_both_descriptions_have_the_same_drone() -> None:
    texts = [(DRONE / name).read_text() for name in ("system.toml", "hosted.toml")]
    kernels = [
        [each for each in tomllib.loads(text)["sandbox"] if each["name"] not in ("plant", "port")]
        for text in texts
    ]
    assert len(kernels[0]) == 3 and kernels[0] == kernels[1]


def test_it_flies_against_a_model_on_the_host() -> None:
    """The first way point; how long that takes is the host's doing, but not how it flies."""
    said = python(DRONE / "hosted.py", 2.6)
    assert "ended as planned" in said
    assert "met      at (0.0, 0.0, 1.5)" in said
