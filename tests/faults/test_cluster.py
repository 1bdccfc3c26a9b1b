"""Workers of a cluster die and join, and every run counts once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from questv.faults.campaign import run_number
from questv.faults.cluster import cluster_rows
from questv.faults.laboratory import Laboratory
from questv.machine import MachineError
from questv.machine.leash import bound_to_this_process

from .test_campaign import campaign

RUNS = 16
_PATIENCE = 60.0

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts programs of dask that find each other by a file; they end with the test."""
    with ExitStack() as stack:

        def start_one(what: str, *words: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard"]
            command += ["--scheduler-file", str(tmp_path / "scheduler.json"), *words]
            with (tmp_path / f"{what}.log").open("ab") as log:
                process = subprocess.Popen(
                    bound_to_this_process(command), stdout=log, stderr=log, cwd=tmp_path
                )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start_one


def address(folder: Path) -> str:
    """Where the scheduler is, once it has said so."""
    import json

    file = folder / "scheduler.json"
    deadline = time.monotonic() + _PATIENCE
    while not file.exists() or not file.read_text():
        assert time.monotonic() < deadline, "no scheduler"
        time.sleep(0.1)
    return str(json.loads(file.read_text())["address"])


def worker(start: Start) -> subprocess.Popen[bytes]:
    return start("worker", "--nthreads", "1", "--no-nanny", "--death-timeout", str(_PATIENCE))


def test_a_worker_is_killed_and_another_joins(
    start: Start, tmp_path: Path, laboratory: Laboratory
) -> None:
    made = campaign(laboratory)
    start("scheduler", "--host", "127.0.0.1", "--port", "0")
    workers = [worker(start), worker(start)]
    rows = []
    for row in cluster_rows(made, range(RUNS), address(tmp_path), lambda: False):
        rows.append(row)
        if len(rows) == 4:
            workers[0].kill()
            workers.append(worker(start))
        if len(rows) == 10:  # the new one takes over from the last of the first two
            workers[1].kill()
    assert sorted(row.run for row in rows) == list(range(RUNS))
    for row in rows:
        if row.run in (0, 5, RUNS - 1):
            assert row == run_number(laboratory, made, row.run)


def test_it_can_be_over_while_nobody_works(
    start: Start, tmp_path: Path, laboratory: Laboratory
) -> None:
    start("scheduler", "--host", "127.0.0.1", "--port", "0")
    looks = iter([False, False, True])
    made = campaign(laboratory)
    assert list(cluster_rows(made, range(3), address(tmp_path), lambda: next(looks))) == []


def test_there_is_no_scheduler(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("questv.faults.cluster._PATIENCE", 0.5)
    for place in ("tcp://127.0.0.1:1", "nonsense://x"):
        with pytest.raises(MachineError) as raised:
            list(cluster_rows(campaign(laboratory), range(3), place, lambda: False))
        assert raised.value.message == f"there is no dask scheduler at {place}"


def test_dask_is_not_there(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MachineError) as raised:
        list(cluster_rows(campaign(laboratory), range(3), "tcp://127.0.0.1:1", lambda: False))
    assert raised.value.message == "dask.distributed is not installed"
