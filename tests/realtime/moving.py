"""Random systems whose tasks move to and fro, and how they and everybody else kept their time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from questv.admission.analysis import Analysis
from questv.kernel.processes import Process
from questv.machine import WITHOUT_X2APIC
from questv.machine.deterministic import least_share
from questv.metal.structs import sizeof
from questv.monitor.interface import SandboxState
from questv.plan import moves
from questv.plan.build import build
from questv.plan.tasks import FolderTasks
from questv.system.movers import MIGRATION
from tests.realtime.chained import CORES, admitted, rounds_of
from tests.realtime.kernels import scaled_costs
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

KERNELS = 2
SLOWNESS = 1 / least_share(CORES, KERNELS)
PROCESSES = (
    "from __future__ import annotations\nfrom questv.process import *\n"
    "from questv.metal.lang import *\nfrom questv.metal.structs import *\n"
)
COMMON = (
    BURN
    + """
class Luck(State):
    value: u64

@metal
def draw(luck: Luck, most: u64) -> u64:
    luck.value = luck.value * 6364136223846793005 + 1442695040888963407
    return (luck.value >> 33) % most

@metal
def work(luck: Luck, least: u64, most: u64, seed: u64) -> None:
    luck.value += seed
    burn(2 * (least + draw(luck, most - least + 1)))
"""
)
ROAM = """
@periodic
def roam(luck: Luck, least: u64, most: u64, seed: u64) -> None:
    work(luck, least, most, seed)

@periodic
def wander(luck: Luck, least: u64, most: u64, seed: u64) -> None:
    # Wants to be here or there, three times a call; the kernel has it move when that is in time.
    for i in range(u64(3)):
        move_to(draw(luck, 2))
        work(luck, least // 3, most // 3 - 100, seed)
"""
BESIDE = """
from questv.kernel import movers, processes
from questv.kernel.info import info

@periodic
def beside(luck: Luck, least: u64, most: u64, seed: u64) -> None:
    work(luck, least, most, seed)

@periodic
def drive(luck: Luck, least: u64, most: u64, seed: u64) -> None:
    # Asks for every task that moves to go where it is not.
    luck.value += seed
    for i in range(info.task_count):
        if info.tasks[i].moves != 0:
            process = processes.of_task(u64(i))
            if draw(luck, 4) != 0:
                movers.request(process, 1 - process.mover.own)
    burn(2 * most - 500)

@task
def rest() -> None:
    while True:
        burn(2_000)
"""


@dataclass(frozen=True)
class _Job:
    """A task of a random system."""

    kernel: int
    name: str
    function: str
    period: int
    budget: int
    seed: int
    always_most: bool

    def text(self, rounds: dict[tuple[str, str], int]) -> str:
        here, other = f"k{self.kernel}", f"k{1 - self.kernel}"
        most = rounds.get((here, self.name), 1)
        is_moving = self.function in ("roam", "wander")
        if is_moving:  # as little as it has at either place
            most = min(most, rounds.get((other, f"{here}.{self.name}"), 1))
        keys = f'isolation = "process"\nmigrates_to = ["{other}"]' if is_moving else ""
        bind = {"least": most if self.always_most else most // 4, "most": most, "seed": self.seed}
        text = timed_text(
            self.function, self.period, self.budget, name=self.name, keys=keys, **bind
        )
        return text if is_moving else text.replace('"tasks:', '"own:')


@dataclass(frozen=True)
class Case:
    """A system of two kernels; ``migrations`` are the period and budget of what moves tasks."""

    seed: int
    jobs: tuple[_Job, ...]
    migrations: tuple[tuple[int, int], ...]

    def text(self, rounds: dict[tuple[str, str], int]) -> str:
        """The description."""
        sandboxes = []
        for kernel, (period, budget) in enumerate(self.migrations):
            texts = [job.text(rounds) for job in self.jobs if job.kernel == kernel]
            rest = task_text("rest").replace('"tasks:', '"own:')
            moves = f"[sandbox.migration]\nperiod = {period}\nbudget = {budget}\n"
            # Without an x2APIC a guarded kernel's interrupts cost more than admission counts.
            sandboxes.append(
                sandbox_text(
                    f"k{kernel}", moves, *texts, rest, memory="1 MiB", keys='apic = "direct"'
                )
            )
        return system_text(*sandboxes, machine='memory = "32 MiB"')


def random_case(seed: int, chance: random.Random) -> Case:
    """A system, which may not be admitted."""
    migrations, shapes = [], []
    for kernel in range(KERNELS):
        period = int(chance.choice((300_000, 1_000_000)) * SLOWNESS)
        migrations.append((period, int(chance.uniform(60_000, 90_000) * SLOWNESS)))
        shapes.append((kernel, "driver", "drive", int(chance.uniform(0.4e6, 2e6) * SLOWNESS), 0.12))
        for number in range(chance.randint(1, 3)):
            own = int(400_000 * 20 ** chance.random() * SLOWNESS)
            shapes.append((kernel, f"b{number}", "beside", own, chance.uniform(0.05, 0.15)))
    for number in range(chance.randint(1, 2)):
        own = int(chance.uniform(4e6, 9e6) * SLOWNESS)
        function = chance.choice(("roam", "wander"))
        share = chance.uniform(0.06, 0.15)
        shapes.append((chance.randrange(KERNELS), f"m{number}", function, own, share))
    always_most = chance.random() < 0.6
    jobs = tuple(
        _Job(
            kernel,
            name,
            function,
            period,
            max(int(share * period), int(110_000 * SLOWNESS)),
            chance.randrange(1 << 30),
            always_most,
        )
        for kernel, name, function, period, share in shapes
    )
    return Case(seed, jobs, tuple(migrations))


def measure(seed: int, folder: Path, lasts: int) -> int:
    """Run the random system of ``seed`` for so many nanoseconds; how often tasks have moved.

    No deadline is missed meanwhile, by whom ever, and who stays has no response above its bound.
    """
    chance = random.Random(seed)
    write(folder, "")
    source = FolderTasks(folder)
    analysis = None
    while analysis is None:
        case = random_case(seed, chance)
        write(folder, case.text({}))
        analysis = admitted(folder / "system.toml", source, KERNELS)
    write(folder, case.text(rounds_of(analysis, KERNELS)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moves, "COSTS", scaled_costs(CORES, KERNELS))
        system = build(folder)
    run = run_system(
        system,
        folder,
        deterministic=True,
        cores=CORES,
        cpu=WITHOUT_X2APIC,
        command_line=f"for={lasts}",
        timeout=240,
    )
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    check(case, analysis, run)
    return sum(int(record.mover.counters.received) for record in records(run))


def write(folder: Path, text: str) -> None:
    """The system's folder."""
    write_system(folder, text, COMMON + BESIDE)
    (folder / "own.py").write_text((folder / "tasks.py").read_text())
    (folder / "tasks.py").write_text(PROCESSES + COMMON + ROAM)


def check(case: Case, analysis: Analysis, run: Run) -> None:
    """Nobody has missed anything."""
    for kernel in analysis.kernels:
        name = kernel.kernel.name
        assert run[name].state == SandboxState.CUT_OFF, (case.seed, name)
        moving = {guest.task for guest in kernel.kernel.guests}
        bounds = {response.task.name: response.bound for response in kernel.responses}
        for index, task in enumerate(run.system.plan.sandbox(name).tasks):
            counters = run[name].status.tasks[index]
            told = (case.seed, name, task.name, int(counters.worst), bounds.get(task.name))
            assert int(counters.misses) == int(counters.dropped) == 0, told
            if task.name in bounds and task.name not in {*moving, MIGRATION}:
                assert int(counters.releases) > 1, told
                assert int(counters.worst) <= (bounds[task.name] or 0), told
    for record in records(run):
        found = record.mover.counters
        assert int(found.refused) == int(found.returned) == 0, case.seed
        assert int(record.fault.kind) == 0, case.seed


def records(run: Run) -> Iterator[Process]:
    """What each kernel knows of each task that moves."""
    for plan in run.system.plan.sandboxes:
        for process in plan.processes:
            yield Process.view(run.memory(plan.physical(process.object), sizeof(Process)))
