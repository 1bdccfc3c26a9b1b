"""Requests to end: the run ends in order, and nothing stays behind (conftest looks for that)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from questv.cli.ending import ending_in_order
from questv.inspect.report import Outcome, RunReport
from questv.interrupted import Interrupted

from .typed import SCRIPT, SYSTEMS, Process, left_behind

ENDLESS = SYSTEMS / "endless"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_run_ends_in_order(number: signal.Signals, code: int, tmp_path: Path) -> None:
    report = tmp_path / "run.json"

    def heed() -> None:
        signal.signal(number, signal.SIG_DFL)  # whoever tests may ignore it, as under nohup

    with Process("run", ENDLESS, "--report", report, preexec_fn=heed) as process:
        process.await_line("tick 3")
        process.send(number)
        said = process.said()
    assert (said.code, said.err) == (code, "")
    assert "\nSandboxes " in said.out and "\nChannels " in said.out
    assert said.out.splitlines()[-2] == f"interrupted: by {number.name}"
    found = RunReport.model_validate_json(report.read_text())
    assert found.outcome is Outcome.INTERRUPTED and not found.succeeded
    assert found.channels[0].receiver.messages >= 3


def test_json_is_whole() -> None:
    with Process("run", ENDLESS, "--json") as process:
        process.await_line("tick 3", on_errors=True)
        process.send(signal.SIGINT)
        said = process.said()
    assert said.code == 130
    assert RunReport.model_validate_json(said.out).outcome is Outcome.INTERRUPTED


def test_once_is_enough_and_twice_does_no_harm() -> None:
    with Process("run", ENDLESS) as process:
        process.await_line("tick 3")
        for _ in range(3):
            process.send(signal.SIGINT)
        said = process.said()
    assert said.code == 130 and "interrupted: by SIGINT" in said.out


@pytest.mark.parametrize("command", [["check", ENDLESS], ["build", ENDLESS, "-o", "image.elf"]])
def test_other_commands_end_at_once(command: list[object], tmp_path: Path) -> None:
    """Wherever they are: importing, compiling or writing."""
    for delay in (0.3, 0.5):
        with Process(*command, cwd=tmp_path) as process:
            time.sleep(delay)
            process.send(signal.SIGTERM)
            said = process.said()
        assert said.code in (143, 0, -signal.SIGTERM)
        if said.code == 143:
            assert (said.out, said.err) == ("", "interrupted\n")
            assert not (tmp_path / "image.elf").exists()
    assert {file.name for file in tmp_path.iterdir()} <= {"image.elf", "machines"}


def test_a_request_that_is_wrapped_on_its_way_is_one_all_the_same() -> None:
    """Python 3.11 does so where it comes while a class names its attributes."""
    with pytest.raises(Interrupted) as raised, ending_in_order():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Interrupted as interrupted:
            raise RuntimeError("Error calling __set_name__") from interrupted
    assert raised.value.number == signal.SIGTERM


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="mine"), ending_in_order():
        raise RuntimeError("mine")


def test_a_process_that_is_to_ignore_a_signal_does() -> None:
    """As under nohup, and in the background of a script."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with Process("run", ENDLESS, "--for", "1s", preexec_fn=ignore) as process:
        process.await_line("tick 3")
        process.send(signal.SIGHUP)
        said = process.said()
    assert said.code == 0 and "ended as planned" in said.out


def test_what_a_killed_run_leaves_the_next_one_removes(tmp_path: Path) -> None:
    with Process("run", ENDLESS) as process:
        process.await_line("tick 3")
        process.send(signal.SIGKILL)
        assert process.said().code == -signal.SIGKILL
    place = tmp_path / "machines"
    assert list(place.rglob("memory"))
    subprocess.run([SCRIPT, "run", ENDLESS, "--for", "10ms"], check=True, capture_output=True)
    assert left_behind(place) == []


def test_a_closed_pipe_ends_the_run() -> None:
    with Process("run", ENDLESS) as process:
        process.await_line("tick 3")
        process.close_output()
        said = process.said()
    assert (said.code, said.err) == (1, "")
