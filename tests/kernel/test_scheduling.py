"""Which task has the core, and when: priorities, sleeping, ending."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.monitor.interface import SandboxState
from tests.running import Run, boot, sandbox_text, system_text, task_text

TASKS = """
from questv.arch.x86.instructions import pause

stop: Volatile[bool] = static(False)
rounds: Volatile[u64] = static(0)

@task
def urgent(times: u64, period: u64) -> None:
    next = now()
    worst: u64 = 0
    for _ in range(times):
        next += period
        sleep_until(next)
        late = now() - next
        assert late < 1 << 62  # never early
        worst = max(worst, late)
    stop.write(True)
    log(f"late by {worst} ns, worked {u64(rounds.read() != 0)}")

@task
def busy() -> None:
    while not stop.read():
        rounds.write(rounds.read() + 1)
    log("stopped")

@task
def one_of_many(number: u64) -> None:
    log(f"begins {number}")
    sleep_until(1_000_000_000 - number * 1_000_000)
    log(f"ends {number}")

@task
def at_once(number: u64) -> None:
    sleep_until(50_000_000)
    log(f"{number}")

@task
def returns() -> None:
    log("returns")

@task
def past() -> None:
    sleep_until(0)
    sleep_until(now())
    log("not a moment")

@task
def for_ever() -> None:
    sleep_until(FOREVER)
    log("never")

@task
def far() -> None:
    sleep_until(FOREVER - 1)
    log("never")

@task
def spin() -> None:
    while True:
        pause()
"""


def ended(run: Run) -> Run:
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


def test_the_urgent_preempts_the_busy(tmp_path: Path) -> None:
    """A sleeper gets the core from a busy task within 2 us of virtual time, each time."""
    text = system_text(
        sandbox_text("one", task_text("busy", 1), task_text("urgent", 9, times=50, period=20_000))
    )
    run = ended(boot(tmp_path, text, TASKS, deterministic=True))
    line, last = run["one"].lines
    assert last == "stopped"
    late, worked = line.removeprefix("late by ").split(" ns, worked ")
    assert int(late) < 2000
    assert worked == "1"
    switches = [int(task.switches) for task in run["one"].status.tasks][:2]
    assert switches[0] >= 50 and switches[1] >= 50
    assert int(run["one"].status.timer_interrupts) == 50


def test_an_idle_core_wakes_in_time(tmp_path: Path) -> None:
    """For stretches from a microsecond to ten milliseconds."""
    for period in (1_000, 33_333, 10_000_000):
        text = system_text(sandbox_text("one", task_text("urgent", times=20, period=period)))
        run = ended(boot(tmp_path, text, TASKS, deterministic=True))
        late = int(run["one"].lines[0].removeprefix("late by ").partition(" ")[0])
        assert late < 2000


def test_as_many_tasks_as_there_can_be(tmp_path: Path) -> None:
    """They begin in order of urgency, and wake in order of their times, which is the reverse."""
    tasks = [
        task_text("one_of_many", 100 - number, name=f"t{number}", number=number)
        for number in range(32)
    ]
    text = system_text(sandbox_text("one", *reversed(tasks), memory="1 MiB"))
    run = ended(boot(tmp_path, text, TASKS, deterministic=True, metronome=1_000_000))
    numbers = [str(number) for number in range(32)]
    assert run["one"].lines == [
        *(f"begins {number}" for number in numbers),
        *(f"ends {number}" for number in reversed(numbers)),
    ]
    assert int(run["one"].status.finished.words[0]) == (1 << 32) - 1


def test_of_those_that_wake_together_the_urgent_goes_first(tmp_path: Path) -> None:
    text = system_text(
        sandbox_text(
            "one",
            task_text("at_once", 5, name="c", number=3),
            task_text("at_once", 9, name="a", number=1),
            task_text("at_once", 2, name="d", number=4),
            task_text("at_once", 7, name="b", number=2),
        )
    )
    run = ended(boot(tmp_path, text, TASKS, deterministic=True))
    assert run["one"].lines == ["1", "2", "3", "4"]


def test_tasks_that_end_at_once(tmp_path: Path) -> None:
    text = system_text(
        sandbox_text("one", task_text("returns"), task_text("past", 2)),
    )
    run = ended(boot(tmp_path, text, TASKS))
    assert run["one"].lines == ["not a moment", "returns"]
    assert run["one"].state == SandboxState.FINISHED
    assert int(run["one"].status.timer_interrupts) == 0


@pytest.mark.parametrize("deterministic", [False, True], ids=["parallel", "deterministic"])
def test_the_time_of_a_run(tmp_path: Path, deterministic: bool) -> None:
    """Every kernel ends when its time is up: one that spins, one that sleeps for ever."""
    limit = 20_000_000 if deterministic else 500_000_000  # a busy host takes its time to boot
    text = system_text(
        sandbox_text("one", task_text("for_ever", 2), task_text("far")),
        sandbox_text("two", task_text("spin" if not deterministic else "for_ever")),
        sandbox_text("three", task_text("returns")),
    )
    run = ended(
        boot(tmp_path, text, TASKS, deterministic=deterministic, command_line=f"for={limit}")
    )
    assert run["three"].lines == ["returns"]
    for name in ("one", "two"):
        assert run[name].state == SandboxState.CUT_OFF
        assert run[name].lines == []
        facts = run.facts
        lasted = (int(run[name].public.ended) - int(facts.start_tsc)) * 10**9
        assert lasted >= limit * int(facts.tsc_frequency)
    assert int(run["one"].status.finished.words[0]) == 0


def test_without_a_limit_who_sleeps_for_ever_does(tmp_path: Path) -> None:
    text = system_text(sandbox_text("one", task_text("for_ever", 2), task_text("far")))
    run = boot(tmp_path, text, TASKS, timeout=0.5)
    assert run.exit is None
    assert run["one"].state == SandboxState.STARTED
    assert run["one"].lines == []
