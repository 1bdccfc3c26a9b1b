"""Random kernels that run: each is a machine whose tasks need all that their budgets allow."""

from __future__ import annotations

import dataclasses
import math
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from questv.admission.costs import MEASURED, Costs
from questv.admission.model import Doorbell, Kernel, Task, Vcpu
from questv.admission.response import Response, response_times
from questv.machine import WITHOUT_X2APIC
from questv.machine.deterministic import least_share, longest_wait
from questv.plan.build import BuiltSystem, build
from questv.plan.contents import contents
from questv.plan.image import write_image
from questv.plan.model import CallPlan, SandboxPlan, TaskPlan, VcpuPlan
from tests.running import (
    BURN,
    Run,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    write_system,
)

MOST = 10
"""Periodic tasks of a kernel at most."""
LASTS = 20_000_000
"""Nanoseconds that each kernel runs."""
PER_CALL = 900
"""Instructions that a periodic task's call takes at most besides what it does: the kernel's own on
its behalf, up to the next sleep."""

TASKS = (
    BURN
    + """
class Luck(State):
    value: u64

@periodic(period="20 ms", budget="60 us")
def work(luck: Luck, least: u64, most: u64, seed: u64) -> None:
    luck.value = (luck.value + seed) * 6364136223846793005 + 1442695040888963407
    burn(2 * (least + (luck.value >> 33) % (most - least + 1)))

@task
def rest() -> None:
    while True:
        burn(2_000)

@task
def spin() -> None:
    while True:
        burn(2_000)

@task
def crash(moment: u64) -> None:
    sleep_until(moment)
    Ptr[u64](0)[0] = 1

@task
def ask(questions: Sender) -> None:
    while True:
        sleep_until(now() + 300_000)
        questions.reserve(8, FOREVER)
        questions.commit()

@task
def answer(questions: Receiver) -> None:
    while True:
        questions.receive(FOREVER)
        questions.done()
        burn(4_000)
"""
)


@dataclass(frozen=True)
class Case:
    """A kernel that is admitted, and how many instructions each task may take."""

    kernel: Kernel
    responses: dict[str, Response]
    always_most: bool
    seed: int
    cores: int

    def rounds(self, task: Task) -> tuple[int, int]:
        """The fewest and the most rounds that ``task`` burns in a call."""
        time = (task.need or 0) - self.responses[task.name].kernel
        time -= longest_wait(self.cores, self.cores)
        most = (int(time * least_share(self.cores, self.cores)) - PER_CALL) // 2
        return (most, most) if self.always_most else (max(1, most // 4), most)


def random_case(seed: int, cores: int = 1, doorbells: tuple[Doorbell, ...] = ()) -> Case:
    """An admitted kernel, for a machine of so many cores that are always busy."""
    chance = random.Random(seed)
    costs = scaled_costs(cores, cores)
    while True:
        kernel = _random_kernel(chance, math.ceil(1 / least_share(cores, cores)))
        kernel = dataclasses.replace(kernel, doorbells=doorbells)
        responses = {each.task.name: each for each in response_times(kernel, costs)}
        case = Case(kernel, responses, chance.random() < 0.5, seed, cores)
        fits = all(each.fits for each in responses.values())
        if fits and all(case.rounds(task)[1] > 10 for task in kernel.tasks):
            return case


def scaled_costs(cores: int, busy: int) -> Costs:
    """What the kernel's own doings take where so many cores that are busy share one clock.

    However many there are in a window, its core waits once for its turn in it, and once before it.
    """
    share = least_share(cores, busy)

    def longest(instructions: int) -> int:
        return math.ceil(instructions / share)

    return Costs(
        timer=longest(MEASURED.timer),
        switch=longest(MEASURED.switch),
        doorbell=longest(MEASURED.doorbell),
        device=longest(MEASURED.device),
        exit=longest(MEASURED.exit),
        move=longest(MEASURED.move),
        check=longest(MEASURED.check),
        look=longest(MEASURED.look),
        resolution=longest(MEASURED.resolution) + 2 * longest_wait(cores, busy),
        source=f"{MEASURED.source}, on {busy} cores that share one clock",
    )


def _random_kernel(chance: random.Random, slowness: int) -> Kernel:
    count = chance.randint(1, MOST)
    load = chance.uniform(0.3, 0.97)
    parts = [chance.expovariate(1) for _ in range(count)]
    vcpus, tasks = [], []
    for index, part in enumerate(parts):
        period = int(200_000 * 25 ** chance.random()) * slowness
        budget = min(max(int(load * part / sum(parts) * period), 20_000 * slowness), period)
        name = f"t{index}"
        deadline = period if chance.random() < 0.7 else int(period * chance.uniform(0.6, 1))
        vcpus.append(Vcpu(name, budget=budget, period=period))
        tasks.append(Task(name, name, period, budget, deadline=deadline))
    return Kernel("one", tuple(vcpus), tuple(tasks), is_guarded=False)


class Template:
    """A system that is compiled and linked once, of which each kernel is an image of its own."""

    def __init__(self, folder: Path, *beside: str, rest: str = task_text("rest")) -> None:
        """The kernel is the first sandbox; ``rest`` are its tasks of best effort, and ``beside``
        other sandboxes and channels."""
        work = [timed_text("work", name=f"t{i}", least=1, most=1, seed=1) for i in range(MOST)]
        one = sandbox_text("one", *work, rest, memory="1 MiB", keys='apic = "direct"')
        self.folder = folder
        text = system_text(one, *beside, run='until = ["one"]')
        self.system = build(write_system(folder, text, TASKS))

    def image(self, case: Case) -> BuiltSystem:
        """The system with the kernel of ``case``."""
        built = self.system
        sandboxes = (self._sandbox(case), *built.plan.sandboxes[1:])
        plan = built.plan.model_copy(update={"sandboxes": sandboxes})
        blocks = contents(plan, built.boot, built.monitor, dict(built.kernels), {})
        image = write_image(built.description.system, plan, blocks, [built.boot])
        return dataclasses.replace(built, plan=plan, image=image)

    def _sandbox(self, case: Case) -> SandboxPlan:
        plan = self._plan
        urgent = case.kernel.urgency
        vcpus = [_vcpu(case.kernel.vcpu(task.vcpu)) for task in urgent]
        tasks = [_task(plan.tasks[index], index, task, case) for index, task in enumerate(urgent)]
        rest = [task.model_copy(update={"vcpu": len(vcpus)}) for task in plan.tasks[MOST:]]
        vcpus.append(VcpuPlan(name="best-effort", kind="best effort"))
        fewer = MOST - len(tasks)
        ends = [end.model_copy(update={"task": end.task - fewer}) for end in plan.ends]
        parts = {"vcpus": vcpus, "tasks": [*tasks, *rest], "ends": ends}
        return plan.model_copy(update={name: tuple(part) for name, part in parts.items()})

    @cached_property
    def _plan(self) -> SandboxPlan:
        return self.system.plan.sandboxes[0]

    def run(self, case: Case, lasts: int = LASTS, **options: object) -> Run:
        """Run the kernel of ``case`` for so long."""
        return run_system(
            self.image(case),
            self.folder,
            deterministic=True,
            cpu=WITHOUT_X2APIC,
            command_line=f"for={lasts}",
            timeout=120,
            **options,  # type: ignore[arg-type]
        )


def _vcpu(vcpu: Vcpu) -> VcpuPlan:
    return VcpuPlan(
        name=vcpu.name,
        kind="main",
        budget=vcpu.budget,
        overrun_budget=vcpu.budget,
        period=vcpu.period,
    )


def _task(plan: TaskPlan, index: int, task: Task, case: Case) -> TaskPlan:
    least, most = case.rounds(task)
    state = plan.body.arguments[0]
    body = CallPlan(symbol=plan.body.symbol, arguments=(state, least, most, case.seed + index))
    return plan.model_copy(
        update={
            "name": task.name,
            "body": body,
            "vcpu": index,
            "period": task.period,
            "deadline": task.deadline,
        }
    )


def check(case: Case, run: Run) -> dict[str, float]:
    """No deadline was missed and no response is above its bound; each one's share of its bound."""
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    status = run["one"].status
    shares = {}
    for index, task in enumerate(case.kernel.urgency):
        counters = status.tasks[index]
        bound = case.responses[task.name].bound
        assert bound is not None
        told = (case.seed, case.kernel, task.name, int(counters.worst), bound)
        assert int(counters.releases) >= 1, told
        assert int(counters.misses) == int(counters.dropped) == 0, told
        assert int(counters.worst) <= bound, told
        assert int(status.vcpus[index].depletions) == 0, told
        shares[task.name] = int(counters.worst) / bound
    return shares
