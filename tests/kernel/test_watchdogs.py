"""Watchdogs: a kernel gives up when a task does not say in time that it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.inspect.inspector import Inspector
from questv.inspect.model import CrashReport
from questv.monitor.interface import PanicReason, SandboxState
from tests.inspect.machines import Copied, programs
from tests.running import Run, boot, sandbox_text, system_text, task_text, timed_text

TASKS = """
from questv.arch.x86.instructions import pause

@task
def dutiful(turns: u64) -> None:
    for _ in range(turns):
        watch(now() + 100_000)
        sleep_until(now() + 90_000)
    unwatch()
    sleep_until(now() + 1_000_000)
    watch(now() + 1_000_000)
    log("done")

@task
def computes() -> None:
    watch(now() + 100_000)
    while True:
        pause()

@task
def waits() -> None:
    watch(now() + 100_000)
    sleep_until(FOREVER)
    log("never")

@task
def too_late() -> None:
    watch(0)
    while True:
        pause()

@periodic(period="200 us", budget="20 us")
def starves(turns: u64) -> None:
    watch(now() + 150_000)
    for _ in range(turns):
        pause()
    watch(now() + 250_000)

@task
def other() -> None:
    sleep_until(now() + 20_000_000)
    log("never")

@task
def busy() -> None:
    while True:
        pause()
"""


def booted(folder: Path, *parts: str) -> Run:
    run = boot(folder, system_text(sandbox_text("one", *parts)), TASKS, deterministic=True)
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


def crash(run: Run) -> CrashReport:
    assert run["one"].state == SandboxState.CRASHED
    assert run["one"].status.panic.reason == PanicReason.WATCHDOG
    found = Inspector(run.system.plan, programs(run.system), Copied(run)).crashes("one")
    return found[-1]


def test_who_says_in_time_that_it_goes_on_does(tmp_path: Path) -> None:
    """Nobody is watched any more who says so, or has ended."""
    run = booted(tmp_path, task_text("dutiful", 2, turns=20), task_text("other"))
    assert run["one"].state == SandboxState.FINISHED
    assert run["one"].lines == ["done", "never"]


@pytest.mark.parametrize("rank", [9, 1], ids=["more urgent", "less urgent"])
@pytest.mark.parametrize("function", ["computes", "too_late", "waits"])
def test_who_does_not_ends_its_kernel(tmp_path: Path, function: str, rank: int) -> None:
    """Its crash record names it and the line where it was, whoever had the core by then."""
    texts = [task_text(function, rank), task_text("other" if rank == 1 else "busy", 5)]
    run = booted(tmp_path, *texts)
    index = 0 if rank == 9 else 1
    found = crash(run)
    name = function.replace("_", "-")
    assert found.task == name
    assert found.reason == f"panicked: the watchdog of task '{name}' ran out"
    assert run["one"].lines == [f"panic: the watchdog of task {index} ran out"]
    assert found.panic is not None
    lines = [frame for frame in found.panic.trace if frame.function == function]
    assert lines and lines[0].file == "tasks.py", found.panic.trace
    at = 0 if function == "too_late" else 100_000
    assert found.time is not None and at < found.time < at + 60_000


def test_who_has_no_time_to_say_it_is_found_too(tmp_path: Path) -> None:
    """Its budget is used up when it should say so."""
    run = booted(tmp_path, timed_text("starves", turns=30_000), task_text("busy"))
    found = crash(run)
    assert found.task == "starves"
    assert found.panic is not None
    assert "starves" in [frame.function for frame in found.panic.trace]
    assert int(run["one"].status.running) == 1
