"""Random kernels, and what their tasks do."""

from __future__ import annotations

import random
from fractions import Fraction

from questv.admission.costs import FREE, Costs
from questv.admission.model import Doorbell, Interrupt, Kernel, Section, Task, Vcpu, VcpuKind
from tests.admission.simulator import Habits

_PERIODS = (100, 120, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 1200, 2000)


def random_kernel(r: random.Random) -> tuple[Kernel, Costs]:
    """A kernel of one to eight VCPUs with some of all that there is; most of them fit."""
    count = r.randint(1, 8)
    load = r.uniform(0.3, 1.0)
    shares = [r.expovariate(1) for _ in range(count)]
    scale = load / sum(shares)
    has_modes = r.random() < 0.4
    vcpus: list[Vcpu] = []
    tasks: list[Task] = []
    for number, share in enumerate(shares):
        period = r.choice(_PERIODS) if r.random() < 0.6 else r.randint(100, 2000)
        budget = max(1, int(share * scale * period))
        level = r.randint(0, 3) if has_modes else 0
        overrun = None
        if level and r.random() < 0.8:
            overrun = min(period, int(budget * r.uniform(1.1, 2.5)) + 1)
            overrun = None if overrun <= budget else overrun
        vcpus.append(Vcpu(f"v{number}", VcpuKind.MAIN, budget, period, overrun, level))
        tasks += _tasks(r, number, vcpus[-1])
    tasks = [_with_sections(r, task) for task in tasks]
    if r.random() < 0.3:
        served = r.sample(tasks, r.randint(1, min(3, len(tasks))))
        share_of_io = Fraction(r.randint(1, 15), 100)
        names = tuple(task.name for task in served)
        vcpus.append(Vcpu("io", VcpuKind.IO, utilization=share_of_io, serves=names))
    if r.random() < 0.3:
        vcpus.append(Vcpu("rest", VcpuKind.BEST_EFFORT))
        sections = tuple(Section(f"m{n}", r.randint(1, 8)) for n in range(r.randint(0, 2)))
        tasks.append(Task("z", "rest", 700, r.randint(20, 300), sections=sections))
    interrupts = tuple(
        Interrupt(f"i{n}", r.randint(50, 400), r.randint(1, 4))
        for n in range(r.choice((0, 0, 1, 2)))
    )
    doorbells = tuple(Doorbell(f"d{n}", r.randint(100, 900)) for n in range(r.choice((0, 0, 1))))
    costs = Costs(1, 1, 2, 0, 3, 0, 0, 0, 1, "a random kernel's") if r.random() < 0.3 else FREE
    kernel = Kernel("k", tuple(vcpus), tuple(tasks), interrupts, doorbells, costs is not FREE)
    return kernel, costs


def _tasks(r: random.Random, number: int, vcpu: Vcpu) -> list[Task]:
    if r.random() < 0.8 or vcpu.budget < 4:
        jitter = r.choice((0, 0, 0, r.randint(0, vcpu.period // 8)))
        deadline = vcpu.period if r.random() < 0.7 else r.randint(vcpu.period // 2, vcpu.period)
        needs = vcpu.budget, vcpu.overrun_budget
        return [Task(f"t{number}", vcpu.name, vcpu.period, *needs, deadline, jitter)]
    made = []
    for mate in range(r.randint(2, 3)):
        period = vcpu.period * r.choice((1, 1, 2, 3, 5))
        part = vcpu.budget // r.randint(2, 4)
        # No second need: what one needs more is not noticed while its mates need less.
        made.append(Task(f"t{number}.{mate}", vcpu.name, period, max(1, part), None, period))
    return sorted(made, key=lambda task: task.period)


def _with_sections(r: random.Random, task: Task) -> Task:
    if r.random() < 0.75 or (task.need or 0) < 4:
        return task
    hold = r.randint(1, min(8, (task.need or 0) // 2))
    section = Section(f"m{r.randint(0, 1)}", hold)
    values = {**task.__dict__, "sections": (section,)}
    return Task(**values)


def random_habits(r: random.Random, kernel: Kernel) -> Habits:
    """What the tasks of ``kernel`` do: as much as they may, less, or more."""
    alone = [
        task.name for task in kernel.tasks if len(kernel.tasks_of(kernel.vcpu(task.vcpu))) == 1
    ]
    rogues = (
        frozenset(name for name in alone if r.random() < 0.15) if r.random() < 0.3 else frozenset()
    )
    return Habits(
        worst=r.random() < 0.7,
        synchronous=r.random() < 0.6,
        sporadic=r.random() < 0.3,
        overruns=r.choice((0.0, 0.1, 0.5)),
        rogues=frozenset(rogues),
    )
