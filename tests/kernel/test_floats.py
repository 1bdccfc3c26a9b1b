"""Tasks with floating point keep their registers, whoever interrupts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.diagnostics import DiagnosticsError
from questv.kernel.floats import FloatState
from questv.metal.structs import offsetof, sizeof
from tests.running import boot, sandbox_text, system_text, task_text

TASKS = """
@task(floats=True)
def series(number: u64, terms: u64, pause: u64) -> None:
    total = f64(0)
    sign = f64(1)
    weight = f64(number)
    for i in range(terms):
        total += sign * weight / f64(2 * i + 1)
        sign = -sign
        if pause != 0:
            sleep_until(now() + pause)
    log(f"{number}: {u64(total * 1.0e15)}")

@task
def integers() -> None:
    for _ in range(u64(200)):
        sleep_until(now() + 30_000)
    log("no floats here")

@task(floats=True)
def infinite(zero: u64) -> None:
    quotient = f64(1) / f64(zero)
    log(f"{u64(quotient > 1.0e308)}")
"""

FORBIDDEN = """
@metal(floats=True)
def half(value: f64) -> f64:
    return value * 0.5

@task
def forbidden(value: u64) -> None:
    log(f"{u64(half(f64(value)))}")
"""


def series(number: int, terms: int) -> int:
    total, sign = 0.0, 1.0
    for i in range(terms):
        total += sign * float(number) / float(2 * i + 1)
        sign = -sign
    return int(total * 1.0e15)


def test_the_layout() -> None:
    assert sizeof(FloatState) == 512
    assert offsetof(FloatState, "mxcsr") == 24


@pytest.mark.parametrize("deterministic", [False, True])
def test_tasks_keep_their_registers(deterministic: bool, tmp_path: Path) -> None:
    """Three of them and one without floats take the core from each other, thousands of times."""
    description = system_text(
        sandbox_text(
            "a",
            task_text("series", 9, name="fast", number=3, terms=300, pause=20_000),
            task_text("series", 8, name="slower", number=5, terms=200, pause=35_000),
            task_text("integers", 7),
            task_text("series", 1, name="busy", number=7, terms=400_000, pause=0),
        )
    )
    run = boot(tmp_path, description, TASKS, deterministic=deterministic)
    wanted = [f"3: {series(3, 300)}", f"5: {series(5, 200)}", f"7: {series(7, 400_000)}"]
    assert sorted(run["a"].lines) == sorted([*wanted, "no floats here"])
    assert int(run["a"].status.tasks[0].switches) > 200


def test_exceptions_are_masked(tmp_path: Path) -> None:
    description = system_text(sandbox_text("a", task_text("infinite", zero=0)))
    assert boot(tmp_path, description, TASKS)["a"].lines == ["1"]


def test_a_task_without_floats_can_not_call_one_with_them(tmp_path: Path) -> None:
    description = system_text(sandbox_text("a", task_text("forbidden", value=1)))
    with pytest.raises(DiagnosticsError, match=r"\[floats-forbidden\]"):
        boot(tmp_path, description, FORBIDDEN)


def test_the_state_counts_as_stack(tmp_path: Path) -> None:
    description = system_text(
        sandbox_text("a", task_text("infinite", zero=0), task_text("integers", 2))
    )
    plan = boot(tmp_path, description, TASKS).system.plan.sandbox("a")
    with_floats = next(task for task in plan.tasks if task.name == "infinite")
    without = next(task for task in plan.tasks if task.name == "integers")
    assert with_floats.float_state == with_floats.stack_top != 0
    assert without.float_state == 0
    assert with_floats.stack_top % 16 == 0
    assert with_floats.stack_needed > 512
