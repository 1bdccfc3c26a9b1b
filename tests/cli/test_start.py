"""What a machine is told by who starts it."""

from __future__ import annotations

import pytest

from questv.cli.start import StartOptions
from questv.machine import MachineKind
from questv.plan.model import Plan, VcpuPlan
from tests.running import build, sandbox_text, system_text, task_text, write_system

TASKS = """
@task
def rest() -> None:
    pass
"""
LARGE = VcpuPlan(name="large", kind="main", period=8_000_000, budget=400_000)
SMALL = VcpuPlan(name="small", kind="main", period=4_000_000, budget=200_000)
SERVING = VcpuPlan(name="serving", kind="io", utilization=1 << 20)
LEFT = VcpuPlan(name="best-effort", kind="best effort")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    text = system_text(*(sandbox_text(name, task_text("rest")) for name in "ab"))
    return build(write_system(tmp_path_factory.mktemp("system"), text, TASKS)).plan


@pytest.mark.parametrize(
    ("vcpus", "metronome"),
    [
        (((LARGE,), (SMALL,)), 100_000),
        (((LARGE, SERVING), (LARGE,)), 200_000),
        (((LARGE,), (SMALL, LEFT)), 10_000),
        (((LARGE,), ()), 10_000),  # a foreign kernel has none
    ],
    ids=["timed", "bottom half", "best effort", "foreign"],
)
def test_turns_are_as_fine_as_the_shortest_budget_needs(
    plan: Plan, vcpus: tuple[tuple[VcpuPlan, ...], ...], metronome: int
) -> None:
    sandboxes = tuple(
        sandbox.model_copy(update={"vcpus": each})
        for sandbox, each in zip(plan.sandboxes, vcpus, strict=True)
    )
    options = StartOptions(kind=MachineKind.MICROVM, deterministic=True)
    told = options.command_line(plan.model_copy(update={"sandboxes": sandboxes}))
    assert told == f"metronome={metronome}"


def test_an_ordinary_machine_has_no_metronome(plan: Plan) -> None:
    options = StartOptions(kind=MachineKind.MICROVM, deterministic=False, run_for=5)
    assert options.command_line(plan) == "for=5"
