"""Systems of one to eight kernels, on both kinds of machine, on cores with gaps between."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.machine import MachineKind
from questv.monitor.interface import SandboxState
from tests.running import Run, boot, ring_text, sandbox_text, system_text, task_text

TASKS = """
@task
def begin(out: Sender, back: Receiver, rounds: u64) -> None:
    token: u64 = 0
    for _ in range(rounds):
        Ptr[u64](out.reserve(8, FOREVER))[0] = token + 1
        out.commit()
        value = Ptr[Shared[u64]](back.receive(FOREVER))[0].load(RELAXED)
        token = value
        back.done()
    log(f"token {token}")

@task
def pass_on(before: Receiver, after: Sender, rounds: u64) -> None:
    for _ in range(rounds):
        token = Ptr[Shared[u64]](before.receive(FOREVER))[0].load(RELAXED)
        before.done()
        Ptr[u64](after.reserve(8, FOREVER))[0] = token + 1
        after.commit()
    log("passed on")

@task
def alone() -> None:
    sleep_until(now() + 1_000_000)
    log("alone")
"""
ROUNDS = 20


def ended(run: Run) -> Run:
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    assert run.serial == ""
    return run


def circle(cores: list[int]) -> str:
    """A token goes around all sandboxes, one on each of ``cores``."""
    count = len(cores)
    names = [f"s{index}" for index in range(count)]
    bounds = [f"r{index}" for index in range(count)]
    first = task_text("begin", rounds=ROUNDS, out=bounds[0], back=bounds[-1])
    sandboxes = [sandbox_text(names[0], first, keys=f"core = {cores[0]}")]
    for index in range(1, count):
        task = task_text("pass_on", rounds=ROUNDS, before=bounds[index - 1], after=bounds[index])
        sandboxes.append(sandbox_text(names[index], task, keys=f"core = {cores[index]}"))
    rings = [
        ring_text(bounds[index], names[index], names[(index + 1) % count]) for index in range(count)
    ]
    return system_text(*sandboxes, *rings, machine='memory = "32 MiB"')


@pytest.mark.parametrize("kind", MachineKind)
@pytest.mark.parametrize("deterministic", [False, True], ids=["parallel", "deterministic"])
@pytest.mark.parametrize(
    "cores",
    [[0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7], [0, 5], [5, 0], [3, 1, 6]],
    ids=lambda cores: "-".join(map(str, cores)),
)
def test_a_token_goes_around(
    tmp_path: Path, kind: MachineKind, deterministic: bool, cores: list[int]
) -> None:
    """Core 0 need not have a sandbox, and the first sandbox need not be on the first core."""
    run = ended(boot(tmp_path, circle(cores), TASKS, kind=kind, deterministic=deterministic))
    assert [sandbox.core for sandbox in run.system.plan.sandboxes] == cores
    assert run["s0"].lines == [f"token {ROUNDS * len(cores)}"]
    for index in range(1, len(cores)):
        assert run[f"s{index}"].lines == ["passed on"]
    assert int(run.facts.core_count) == max(cores) + 1
    for sandbox in run.sandboxes.values():
        assert sandbox.state == SandboxState.FINISHED
        assert set(sandbox.after) <= {"DOORBELL"}


@pytest.mark.parametrize("kind", MachineKind)
@pytest.mark.parametrize("core", [0, 2])
def test_one_kernel(tmp_path: Path, kind: MachineKind, core: int) -> None:
    text = system_text(sandbox_text("one", task_text("alone"), keys=f"core = {core}"))
    run = ended(boot(tmp_path, text, TASKS, kind=kind))
    assert run["one"].lines == ["alone"]
    assert run["one"].after == {}
