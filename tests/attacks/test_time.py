"""Attacks on others' time: on one clock for all, and on the end of a run."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from questv.attacks import faults, interrupts
from questv.metal.definitions import MetalFunction
from questv.monitor.interface import CrashReason, ExitReason, SandboxState
from questv.plan.build import BuiltSystem, build
from tests.running import Run, input_file, run_system

from . import harness


@functools.cache
def built() -> BuiltSystem:
    """The system as it stands: the run waits for the attacker, and nobody tells the sink to end."""
    return build(harness.SYSTEM)


def run(folder: Path, attack: MetalFunction, target: int, **options: object) -> Run:
    """A run in which the attacker has its orders from the beginning."""
    orders = harness.mailbox(harness.orders(built(), attack, target))
    file = input_file(built(), harness.ATTACKER, orders, folder)
    return run_system(built(), folder, contents=(file,), **options)  # type: ignore[arg-type]


def test_a_timer_that_goes_off_all_the_time_on_one_clock(tmp_path: Path) -> None:
    """It disturbs most where all cores share one clock, and take turns."""
    ended = run(tmp_path, interrupts.arm_timer, 10_000, deterministic=True)
    assert ended.exit is not None and ended.exit.value == 0x10, (ended.exit, ended.serial)
    assert ended["attacker"].crash.reason == CrashReason.KERNEL_PANIC
    assert ended["sink"].lines == ["100 of 100 right"]


@pytest.mark.parametrize("deterministic", [False, True], ids=["parallel", "deterministic"])
def test_nobody_outlasts_the_time_limit(tmp_path: Path, deterministic: bool) -> None:
    """A kernel that the run waits for hangs with interrupts off: the run ends all the same."""
    limit = 40_000_000 if deterministic else 2_000_000_000  # of real time others may take some
    ended = run(
        tmp_path,
        faults.hang,
        0,
        deterministic=deterministic,
        metronome=1_000_000,
        command_line=f"for={limit}",
        timeout=60,
    )
    assert ended.exit is not None and ended.exit.value == 0x10, (ended.exit, ended.serial)
    attacker = ended["attacker"]
    assert attacker.lines == ["attacking"]
    assert attacker.state == SandboxState.CUT_OFF
    frequency = int(ended.facts.tsc_frequency)
    elapsed = (int(attacker.public.ended) - int(ended.facts.start_tsc)) * 10**9 / frequency
    assert elapsed >= limit
    assert ended["sink"].lines == ["100 of 100 right"]
    for name in harness.OTHERS:
        assert ended[name].state in (SandboxState.FINISHED, SandboxState.CUT_OFF)
        assert set(ended[name].after) <= {ExitReason.DOORBELL.name}
