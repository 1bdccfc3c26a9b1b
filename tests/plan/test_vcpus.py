"""Which VCPUs a kernel has, and which task is more urgent than which."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.diagnostics import Place
from questv.plan.build import build
from questv.plan.model import VcpuPlan
from questv.plan.tasks import FolderTasks
from questv.plan.vcpus import Placed, place_tasks
from questv.system.description import BoundTask, load
from questv.system.model import IoVcpu, MainVcpu, Sandbox, Task, UartDevice, Vcpu
from questv.system.promises import promises
from questv.system.tasks import ParameterKind, Periodic, TaskSignature
from questv.system.timing import WHOLE_CORE


def bound(name: str, *devices: UartDevice, periodic: bool = False, **keys: object) -> BoundTask:
    """A task that drives ``devices``."""
    task = Task.model_validate({"name": name, "run": f"tasks:{name}", **keys})
    arguments = {device.name: device for device in devices}
    signature = TaskSignature(
        name,
        Place(Path("tasks.py"), 1),
        dict.fromkeys(arguments, ParameterKind.STREAM),
        {},
        floats=False,
        periodic=Periodic(None, None) if periodic else None,
    )
    return BoundTask(task, signature, arguments)


def placed(*tasks: BoundTask, vcpus: tuple[Vcpu, ...] = ()) -> tuple[list[VcpuPlan], list[Placed]]:
    sandbox = Sandbox(
        name="one",
        memory=1 << 20,
        task=[each.task.model_dump() for each in tasks],
        vcpu=[each.model_dump() for each in vcpus],
    )
    made, order = place_tasks(sandbox, tasks)
    return list(made), order


def names(order: list[Placed]) -> list[str]:
    return [each.device.name if each.device else each.task.task.name for each in order]


def port(name: str, vcpu: str | None = "io") -> UartDevice:
    return UartDevice(name=name, kind="uart", owner="one", vcpu=vcpu)


IO = IoVcpu(name="io", kind="io", utilization=0.25)
SHARED = MainVcpu(name="shared", kind="main", period=3000, budget=300)


def test_shorter_periods_come_first_and_then_those_written_first() -> None:
    vcpus, order = placed(
        bound("slow", period=5000, budget=1),
        bound("one", period=2000, budget=3),
        bound("other", period=2000, budget=2),
        bound("fast", period=1000, budget=1),
    )
    assert names(order) == [each.name for each in vcpus] == ["fast", "one", "other", "slow"]
    assert [each.vcpu for each in order] == [0, 1, 2, 3]
    assert vcpus[1] == VcpuPlan(
        name="one", kind="main", period=2000, budget=3, overrun_budget=3, level=0
    )


def test_tasks_that_share_come_by_their_priorities_where_their_vcpu_does() -> None:
    vcpus, order = placed(
        bound("low", vcpu="shared", priority=1),
        bound("slow", period=3000, budget=1),
        bound("fast", period=1000, budget=1),
        bound("high", vcpu="shared", priority=200, periodic=True, period=9000),
        vcpus=(SHARED,),
    )
    assert names(order) == ["fast", "high", "low", "slow"]
    assert [each.vcpu for each in order] == [0, 1, 1, 2]
    assert [each.period for each in order] == [0, 9000, 0, 0]
    assert [each.name for each in vcpus] == ["fast", "shared", "slow"]


def test_best_effort_comes_last_by_priority_on_one_vcpu() -> None:
    vcpus, order = placed(
        bound("low", priority=1),
        bound("high", priority=9),
        bound("task", period=10**12, budget=1, periodic=True),
    )
    assert names(order) == ["task", "high", "low"]
    assert [each.vcpu for each in order] == [0, 1, 1]
    assert vcpus[1] == VcpuPlan(name="best-effort", kind="best effort")
    assert [each.period for each in order] == [10**12, 0, 0]


def test_bottom_halves_come_just_before_the_task_that_they_work_for() -> None:
    com1, com2, free = port("com1"), port("com2"), port("free", vcpu=None)
    vcpus, order = placed(
        bound("first", com2, period=1000, budget=1, level=1),
        bound("second", com1, free, vcpu="shared", priority=1),
        bound("rest", priority=1),
        vcpus=(IO, SHARED.model_copy(update={"level": 3, "overrun_budget": 400})),
    )
    assert names(order) == ["com2", "first", "com1", "second", "rest"]
    assert [each.name for each in vcpus] == ["first", "shared", "io", "best-effort"]
    assert [each.vcpu for each in order] == [2, 0, 2, 1, 3]
    assert [each.period for each in order] == [1000, 0, 3000, 0, 0]
    assert vcpus[1].overrun_budget == 400
    assert vcpus[2] == VcpuPlan(name="io", kind="io", level=3, utilization=1 << 30)


TASKS = st.lists(
    st.builds(lambda period: {"period": period, "budget": 1}, st.integers(1, 5))
    | st.builds(lambda name: {"vcpu": name}, st.sampled_from(["va", "vb"]))
    | st.just({}),
    min_size=1,
    max_size=12,
)


@given(TASKS, st.permutations(range(12)))
def test_the_order_is_by_period_share_and_priority(
    keys: list[dict[str, object]], priorities: list[int]
) -> None:
    shared = {"va": 2, "vb": 4}
    tasks = [
        bound(f"t{index}", **own, **({} if "budget" in own else {"priority": priorities[index]}))
        for index, own in enumerate(keys)
    ]
    used = {own.get("vcpu") for own in keys}
    vcpus, order = placed(
        *tasks,
        vcpus=tuple(
            MainVcpu(name=name, kind="main", period=period, budget=1)
            for name, period in shared.items()
            if name in used
        ),
    )
    assert sorted(names(order)) == sorted(task.task.name for task in tasks)
    assert sorted({each.vcpu for each in order}) == list(range(len(vcpus)))
    ranks = [
        (
            vcpus[each.vcpu].kind != "main",
            vcpus[each.vcpu].period,
            each.vcpu,
            -(each.task.task.priority or 0),
        )
        for each in order
    ]
    assert ranks == sorted(ranks)


ROOT = Path(__file__).parents[2]
SYSTEMS = [
    *(ROOT / "examples" / name for name in ("drone", "levels", "tank", "serial", "process")),
    ROOT / "tests" / "cli" / "systems" / "roaming",
]


@pytest.mark.parametrize("folder", SYSTEMS, ids=lambda folder: folder.name)
def test_what_is_admitted_is_what_runs(folder: Path) -> None:
    """The analysis has the VCPUs and the order of urgency that the kernels are built with."""
    description = load(folder, FolderTasks(folder))
    plan = build(folder).plan
    for each in promises(description).kernels:
        sandbox = plan.sandbox(each.kernel.name)
        built = [task for task in sandbox.tasks if task.kind != "bottom half"]
        assert [task.name for task in built] == [task.name for task in each.kernel.urgency]
        vcpus = {vcpu.name: vcpu for vcpu in sandbox.vcpus}
        assert vcpus.keys() == {vcpu.name for vcpu in each.kernel.vcpus}
        for vcpu in each.kernel.vcpus:
            made = vcpus[vcpu.name]
            assert (made.level, made.period, made.budget) == (vcpu.level, vcpu.period, vcpu.budget)
            assert made.overrun_budget == (vcpu.overrun_budget or vcpu.budget)
            assert made.utilization == vcpu.utilization * WHOLE_CORE
