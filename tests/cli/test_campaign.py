from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from questv.faults.model import Kind
from questv.faults.outcome import Outcome

from .typed import EXAMPLES, SCRIPT, Questv

HELLO = EXAMPLES / "hello"


def rows(file: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as connection:
        return connection.execute("SELECT * FROM run ORDER BY run").fetchall()


def test_a_campaign(questv: Questv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.html"
    said = questv("campaign", HELLO, "--runs", 12, "--seed", 5, "--workers", 2, "--report", page)
    assert (said.code, said.err) == (0, "")
    assert "hello: 12 runs with faults, seed 5" in said.out
    assert "no escape" in said.out
    assert said.out.splitlines()[-1] == "all runs are in hello-5.sqlite"
    assert len(rows(Path("hello-5.sqlite"))) == 12
    text = page.read_text()
    assert text.count("<svg") >= 2 and "Outcomes by kind of fault" in text
    assert "campaign" in text and "Escapes: 0" in text
    assert not re.search(r"(?:src|href)=", text)  # nothing is fetched from anywhere


def test_the_same_again_and_going_on(questv: Questv, tmp_path: Path) -> None:
    """A file of all at once, and one that was made in two steps, have the same rows."""
    words = ("campaign", HELLO, "--seed", 2, "--workers", 1, "--fault", "kill")
    words += ("--fault", "register-bit", "--sandbox", "pong")
    one, other = tmp_path / "one", tmp_path / "other"
    assert questv(*words, "--runs", 6, "-o", one).code == 0
    assert questv(*words, "--runs", 2, "-o", other).code == 0
    again = questv(*words, "--runs", 6, "-o", other)
    assert again.code == 2 and "is there already" in again.err and "--resume" in again.err
    found = questv(*words, "--runs", 6, "-o", other, "--resume", "--json")
    assert found.code == 0 and found.json["runs"] == 6
    assert rows(one) == rows(other)
    assert {row[2] for row in rows(one)} <= {"kill", "register-bit"}
    assert {row[1] for row in rows(one)} == {"pong"}
    wrong = questv(*words, "--seed", 3, "-o", other, "--resume")
    assert wrong.code == 2 and "is of another campaign" in wrong.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_can_be_stopped(number: signal.Signals, questv: Questv, tmp_path: Path) -> None:
    """However that is done, what is there is whole, and no process stays."""
    file = tmp_path / "rows"
    words = ["campaign", HELLO, "--runs", 500, "--seed", 9, "--workers", 2, "-o", file]
    process = subprocess.Popen(
        [SCRIPT, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not file.exists() or not _count(file):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    if number == signal.SIGINT:  # as from a terminal, which tells all of them
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert "Traceback" not in said
    made = len(rows(file))
    assert 0 < made < 500
    if number != signal.SIGKILL:
        assert f"stopped by {number.name}; {500 - made} runs are left" in said
    more = questv(*words[:2], "--runs", made + 1, "--seed", 9, "-o", file, "--resume")
    assert more.code == 0
    assert [row[0] for row in rows(file)][: made + 1] == list(range(made + 1))
    _await_none(process.pid)


def _count(file: Path) -> int:
    try:
        return len(rows(file))
    except sqlite3.Error:
        return 0


def _await_none(group: int) -> None:
    """Wait until no process of a group is left."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("processes stay behind")


def test_an_escape_is_said_and_shown(
    questv: Questv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that the file says there was: no fault here makes one."""
    file = tmp_path / "rows"
    words = ("campaign", HELLO, "--seed", 1, "-o", file, "--runs", 2, "--workers", 1)
    assert questv(*words).code == 0
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE run SET outcome = ? WHERE run = 1", (Outcome.ESCAPE,))
    page = tmp_path / "page.html"
    said = questv(*words, "--resume", "--report", page)
    assert said.code == 1
    assert re.search(r"escape: questv inject \S+ --sandbox \w+ --fault \S+ --at \d+th", said.out)
    assert "Escape: 1 run" in page.read_text()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--sandbox", "pon"), "hello has no sandbox 'pon'"),
        (("--fault", "kil"), "there is no fault 'kil'"),
        (("--fault", "stall:5us"), "a campaign draws all details, and 'stall:5us' has some"),
        (("--resume",), "there is no hello-0.sqlite to go on with"),
        (("-o", "/nowhere/x"), "can't write /nowhere/x: there is no directory /nowhere"),
        (("--report", "/nowhere/x"), "can't write /nowhere/x: there is no directory /nowhere"),
        (("--workers", "2", "--scheduler", "tcp://x:1"), "a cluster has its own workers"),
        (("--for", "never"), "'never' is not a time"),
    ],
)
def test_what_can_not_be_done(
    words: tuple[str, ...],
    problem: str,
    questv: Questv,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    said = questv("campaign", HELLO, *words)
    assert (said.code, said.out) == (2, "")
    assert problem in said.err and "fix: " in said.err
    assert not list(tmp_path.glob("*.sqlite*"))


def test_no_scheduler(questv: Questv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("questv.faults.cluster._PATIENCE", 0.5)
    file = tmp_path / "rows"
    said = questv("campaign", HELLO, "-o", file, "--scheduler", "tcp://127.0.0.1:1")
    assert said.code == 1
    assert "there is no dask scheduler at tcp://127.0.0.1:1" in said.err
    assert not file.exists()


def test_foreign_kernels_only(questv: Questv) -> None:
    said = questv("campaign", EXAMPLES / "serial")
    assert said.code == 2 and "choose a system without devices" in said.err


def test_numbers(questv: Questv) -> None:
    for words in (("--runs", 0), ("--seed", -1), ("--workers", 0)):
        assert questv("campaign", HELLO, *words).code == 2
    assert len(Kind) == 10
