"""The VCPUs of a kernel, and the order of urgency of its tasks.

Main VCPUs come by their periods, the shorter first, and where these are the same as their tasks
stand in the description; tasks that share one by their priorities. Just before each task are the
bottom halves of its devices. Behind all is what gets what is left, by priority.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from questv.plan.model import VcpuPlan
from questv.system.description import BoundTask
from questv.system.model import Device, IoVcpu, Sandbox
from questv.system.timing import BEST_EFFORT, bandwidth, share_of_core, vcpu_name


@dataclass(frozen=True)
class Placed:
    """A task, or the bottom half of one of its devices, and the index of its VCPU.

    ``period`` is that between two calls of a task's body, 0 if there is one call; of a bottom half
    that of the VCPU of the task that it works for.
    """

    task: BoundTask
    device: Device | None
    vcpu: int
    period: int

    @property
    def vcpu_period(self) -> int:
        """How often the task's own VCPU has its budget."""
        assert self.task.timing.period is not None, "it has one of its own"
        return self.task.timing.period


def place_tasks(
    sandbox: Sandbox, tasks: Sequence[BoundTask]
) -> tuple[tuple[VcpuPlan, ...], list[Placed]]:
    """The VCPUs of a kernel with these tasks, and all that runs on them, the most urgent first."""
    groups = _groups(tasks)
    mains = sorted(
        (_main(sandbox, group[0]) for name, group in groups.items() if name != BEST_EFFORT),
        key=lambda vcpu: vcpu.period,
    )
    ios = [each for each in sandbox.vcpus if isinstance(each, IoVcpu)]
    vcpus = [*mains, *(_io(each, tasks, mains) for each in ios)]
    placed: list[Placed] = []
    for index, vcpu in enumerate(mains):
        for task in groups[vcpu.name]:
            placed += [
                Placed(task, device, _index(vcpus, device.vcpu), vcpu.period)
                for device in _devices(task)
                if device.vcpu is not None
            ]
            placed.append(Placed(task, None, index, task.timing.release or 0))
    if BEST_EFFORT in groups:
        placed += [Placed(task, None, len(vcpus), 0) for task in groups[BEST_EFFORT]]
        vcpus.append(VcpuPlan(name=BEST_EFFORT, kind="best effort"))
    return tuple(vcpus), placed


def _groups(tasks: Sequence[BoundTask]) -> dict[str, list[BoundTask]]:
    """The tasks by the name of their VCPU; those of each by priority, the highest first."""
    groups: defaultdict[str, list[BoundTask]] = defaultdict(list)
    for task in tasks:
        groups[_vcpu_name(task)].append(task)
    for group in groups.values():
        group.sort(key=lambda task: -(task.task.priority or 0))
    return groups


def _vcpu_name(task: BoundTask) -> str:
    return vcpu_name(task.task, task.timing)


def _main(sandbox: Sandbox, task: BoundTask) -> VcpuPlan:
    own = bandwidth(sandbox, task.task, task.timing)
    return VcpuPlan(
        name=own.name,
        kind="main",
        level=own.level,
        period=own.period,
        budget=own.budget,
        overrun_budget=own.second,
    )


def _io(vcpu: IoVcpu, tasks: Sequence[BoundTask], mains: Sequence[VcpuPlan]) -> VcpuPlan:
    """An I/O VCPU; its level is the highest of those for whom it works."""
    levels = {each.name: each.level for each in mains}
    served = [
        levels[_vcpu_name(task)]
        for task in tasks
        for device in _devices(task)
        if device.vcpu == vcpu.name
    ]
    return VcpuPlan(
        name=vcpu.name,
        kind="io",
        level=max(served),
        utilization=share_of_core(vcpu),
    )


def _devices(task: BoundTask) -> list[Device]:
    return [each for each in task.arguments.values() if isinstance(each, Device)]


def _index(vcpus: Sequence[VcpuPlan], name: str) -> int:
    return next(index for index, vcpu in enumerate(vcpus) if vcpu.name == name)
