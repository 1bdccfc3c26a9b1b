"""Tasks as users write them: once or each period, with states, numbers and mutexes of their own."""

from __future__ import annotations

import pytest

from questv.monitor.interface import SandboxState
from tests.running import (
    Run,
    boot,
    mutex_text,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    vcpu_text,
)

TASKS = """
class Controller(State):
    calls: u64
    prepared: u64
    sum: f64

@periodic(period="1 ms", budget="200 us", floats=True)
def step(number: u64, state: Controller, gain: f64, half: f32, calls: u64) -> None:
    state.calls += 1
    state.sum += gain * f64(half)
    if state.calls == calls:
        log(f"{number}: {u64(state.sum * 1000.0)} after {state.calls}, prepared {state.prepared}")
        finish()

@initialize(step)
def prepare(gain: f64, state: Controller) -> None:
    state.prepared += 1
    state.sum = gain * 100.0

both: u64 = static()

@periodic(period="2 ms", budget="100 us")
def share(lock: Mutex, calls: u64) -> None:
    global both
    lock.lock()
    both += 1
    seen = both
    lock.unlock()
    if seen == calls:
        log(f"{seen} calls")
    if seen >= calls:
        finish()

@task
def once(number: u64) -> None:
    log(f"once {number}")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    text = system_text(
        sandbox_text(
            "one",
            timed_text("step", name="first", number=1, gain=1.5, half=0.5, calls=10),
            timed_text("step", "3 ms", name="second", number=2, gain=2, half=1, calls=4),
            timed_text("share", name="left", calls=9),
            timed_text("share", "1 ms", name="right", calls=9),
            task_text("once", 2, name="low", number=1),
            task_text("once", 3, name="high", number=2),
            task_text("once", 7, name="shared", number=3, keys='vcpu = "both"'),
            vcpu_text("both", "5 ms", "1 ms"),
            mutex_text("lock", "20 us"),
        )
    )
    return boot(tmp_path_factory.mktemp("tasks"), text, TASKS, deterministic=True)


def test_all_tasks_end(run: Run) -> None:
    assert run.exit is not None
    assert run["one"].state is SandboxState.FINISHED


def test_each_task_has_a_state_of_its_own_and_is_initialized_once(run: Run) -> None:
    lines = run["one"].lines
    assert "1: 157500 after 10, prepared 1" in lines  # 100 * 1.5 and 10 * 1.5 * 0.5
    assert "2: 208000 after 4, prepared 1" in lines  # 100 * 2 and 4 * 2 * 1


def test_tasks_share_variables_under_a_mutex(run: Run) -> None:
    assert "9 calls" in run["one"].lines


def test_what_has_a_budget_comes_before_what_gets_what_is_left(run: Run) -> None:
    once = [line for line in run["one"].lines if line.startswith("once")]
    assert once == ["once 3", "once 2", "once 1"]
