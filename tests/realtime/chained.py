"""Random systems with a chain across their kernels, and how long data takes along it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from questv.admission.analysis import Analysis
from questv.diagnostics import DiagnosticsError
from questv.machine import WITHOUT_X2APIC
from questv.machine.deterministic import least_share, longest_wait
from questv.plan.build import build
from questv.plan.model import StatePlan
from questv.plan.tasks import FolderTasks
from questv.system.description import load
from questv.system.promises import promises
from tests.realtime.chain_tasks import NOTES, TASKS, function_name
from tests.realtime.kernels import scaled_costs
from tests.running import (
    Run,
    four_slot_text,
    ring_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    write_system,
)

CORES = 16
"""Of the machine: most have nothing to do, which makes it fair to those that do."""
PER_CALL = 1_500
"""Instructions that a task's call takes at most besides what it does: channels, and the kernel's
own on its behalf."""


@dataclass(frozen=True)
class _Job:
    """A task of a random system."""

    kernel: int
    name: str
    function: str
    period: int
    budget: int
    bind: Mapping[str, float | str]
    seed: int
    always_most: bool

    def text(self, rounds: int) -> str:
        least = rounds if self.always_most else rounds * 3 // 4
        times = {"least": least, "most": rounds, "seed": self.seed}
        return timed_text(
            self.function, self.period, self.budget, name=self.name, **times, **self.bind
        )


@dataclass(frozen=True)
class Case:
    """A system that is admitted; ``rounds`` are what each task burns at most."""

    seed: int
    busy: int
    jobs: tuple[_Job, ...]
    channels: tuple[str, ...]
    chain: tuple[str, ...]

    def text(self, rounds: Mapping[tuple[str, str], int]) -> str:
        """The description."""
        tasks = ", ".join(f'"{name}"' for name in self.chain)
        sandboxes = []
        for kernel in range(self.busy):
            own = [job for job in self.jobs if job.kernel == kernel]
            texts = [job.text(rounds.get((f"k{kernel}", job.name), 1)) for job in own]
            rest = task_text("rest")
            # Without an x2APIC a guarded kernel's interrupts cost more than admission counts.
            keys = 'apic = "direct"'
            sandboxes.append(sandbox_text(f"k{kernel}", *texts, rest, memory="1 MiB", keys=keys))
        chain = f'[[chain]]\nname = "c"\ntasks = [{tasks}]\nlatency = "10 s"\nfreshness = "10 s"\n'
        return system_text(*sandboxes, *self.channels, chain)


@dataclass(frozen=True)
class Measured:
    """The longest that was seen in a run, beside its bounds, in nanoseconds."""

    seed: int
    stages: int
    kernels: int
    latency: int
    latency_bound: int
    age: int
    age_bound: int

    @property
    def latency_ratio(self) -> float:
        """How many times as long the bound is as the longest that was seen."""
        return self.latency_bound / self.latency

    @property
    def age_ratio(self) -> float:
        """How many times as old data may be as the oldest that was seen."""
        return self.age_bound / self.age


def admitted(path: Path, source: FolderTasks, busy: int) -> Analysis | None:
    """What is promised of a description, on a machine that so many cores share; None if it is
    refused."""
    try:
        description = load(path, source)
    except DiagnosticsError as error:
        refused = {each.rule for each in error.diagnostics}
        assert refused <= {"core-overloaded", "deadline-missed", "budget-too-small"}, error
        return None
    analysis = promises(description, scaled_costs(CORES, busy))
    fits = all(each.fits for kernel in analysis.kernels for each in kernel.responses)
    return analysis if fits and min(rounds_of(analysis, busy).values()) > 10 else None


def rounds_of(analysis: Analysis, busy: int) -> dict[tuple[str, str], int]:
    """What each task can burn of its budget."""
    found = {}
    for kernel in analysis.kernels:
        for response in kernel.responses:
            time = kernel.own_time(response) - longest_wait(CORES, busy)
            instructions = int(time * least_share(CORES, busy)) - PER_CALL
            found[kernel.kernel.name, response.task.name] = instructions // 2
    return found


def measure(seed: int, folder: Path, lasts: int) -> Measured:
    """Run the random system of ``seed`` for so many nanoseconds, and follow its chain.

    No deadline is missed meanwhile, and nothing gets lost on its way.
    """
    chance = random.Random(seed)
    source = FolderTasks(write_system(folder, "", TASKS))
    analysis = None
    while analysis is None:
        case = _random_case(chance, seed)
        write_system(folder, case.text({}), TASKS)
        analysis = admitted(folder / "system.toml", source, case.busy)
    rounds = rounds_of(analysis, case.busy)
    write_system(folder, case.text(rounds), TASKS)
    system = build(folder)
    run = run_system(
        system,
        folder,
        deterministic=True,
        cores=CORES,
        cpu=WITHOUT_X2APIC,
        command_line=f"for={lasts}",
        timeout=120,
    )
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return _measured(case, analysis, run, lasts)


def _measured(case: Case, analysis: Analysis, run: Run, lasts: int) -> Measured:
    (bound,) = analysis.chains
    told = f"seed {case.seed}: {case}"
    assert bound.latency is not None and bound.freshness is not None, told
    first, last = (_Place(run, name) for name in (case.chain[0], case.chain[-1]))
    for name in case.chain:
        place = _Place(run, name)
        status = run[place.kernel].status.tasks[place.index]
        assert int(status.misses) == int(status.dropped) == 0, f"{name}, {told}"
    since = max(_first_release(run, f"k{kernel}") for kernel in range(case.busy))
    begin = _first_release(run, first.kernel)
    period = next(job for job in case.jobs if job.name == first.task).period
    jobs = [
        (begin + (number - 1) * period, end) for number, end in _notes(run, last) if number != 0
    ]
    assert 4 < len(jobs) < NOTES - 1, told
    latency = age = 0
    release = begin + -(-(since - begin) // period) * period
    for origin, end in jobs:
        if origin >= since:
            age = max(age, end - origin)
        while release <= origin:  # All that were released until then have got there.
            latency = max(latency, end - release)
            release += period
    assert release + bound.latency > lasts, f"what was released at {release} never came: {told}"
    return Measured(
        case.seed, len(case.chain), case.busy, latency, bound.latency, age, bound.freshness
    )


class _Place:
    """Where a task is in a run."""

    def __init__(self, run: Run, path: str) -> None:
        self.kernel, _, self.task = path.partition(".")
        self.sandbox = run.system.plan.sandbox(self.kernel)
        tasks = self.sandbox.tasks
        self.index, self.plan = next(
            (index, task) for index, task in enumerate(tasks) if task.name == self.task
        )

    def state(self, name: str) -> StatePlan:
        return next(state for state in self.plan.states if state.name == name)


def _first_release(run: Run, kernel: str) -> int:
    address = run.system.kernels[kernel].symbols.address("questv.kernel.jobs._first_release")
    return _words(run, kernel, address, 1)[0]


def _notes(run: Run, place: _Place) -> Iterator[tuple[int, int]]:
    """The number that each job of the last task had, and its end."""
    words = _words(run, place.kernel, place.state("notes").address, 1 + 2 * NOTES)
    numbers, ends = words[1:][:NOTES], words[1 + NOTES :]
    yield from zip(numbers[: words[0]], ends, strict=False)


def _words(run: Run, kernel: str, address: int, count: int) -> list[int]:
    found = run.memory(run.system.plan.sandbox(kernel).physical(address), 8 * count)
    return [int.from_bytes(found[start : start + 8], "little") for start in range(0, 8 * count, 8)]


# ---- random systems ----------------------------------------------------------------------------


def _random_case(chance: random.Random, seed: int) -> Case:
    busy = chance.randint(2, 4)
    stages = chance.randint(busy, 4)
    slowness = 1 / least_share(CORES, busy)

    # In some kernels all periods are multiples of one, and releases keep their distances.
    bases = [chance.choice((None, _random_period(chance, 2))) for _ in range(busy)]

    def random_period(kernel: int) -> int:
        base = bases[kernel]
        own = _random_period(chance, 4) if base is None else base * chance.choice((1, 2, 4))
        return int(own * slowness)

    kernels = _random_places(chance, stages, busy)
    kinds = [chance.choice(("ring", "register")) for _ in range(stages - 1)]
    woken = [False, *(chance.random() < 0.45 for _ in kinds)]
    periods: list[int] = []
    for kernel, is_woken in zip(kernels, woken, strict=True):
        # What a message wakes has a budget for each.
        shorter = int(periods[-1] * chance.choice((1, chance.uniform(0.6, 1)))) if is_woken else 0
        periods.append(shorter or random_period(kernel))
    shapes: list[tuple[int, str, str, int, dict[str, float | str]]] = []
    for number, (kernel, is_woken) in enumerate(zip(kernels, woken, strict=True)):
        ends = (["none", *kinds][number], [*kinds, "none"][number])
        bind: dict[str, float | str] = {}
        if number > 0:
            bind["source"] = f"c{number - 1}"
        if number < stages - 1:
            bind["sink"] = f"c{number}"
        shapes.append((kernel, f"s{number}", function_name(*ends, is_woken), periods[number], bind))
    for kernel in range(busy):
        for number in range(chance.randint(1, 3)):
            begin = int(3_000_000 + chance.random() * 4 * 200_000 * slowness)
            shapes.append(
                (kernel, f"b{number}", "beside", random_period(kernel), {"begin": begin}),
            )
    loads = [chance.uniform(0.3, 0.85) for _ in range(busy)]
    parts = [chance.expovariate(1) + 0.2 for _ in shapes]
    always_most = chance.random() < 0.7
    jobs = []
    for index, (kernel, name, function, period, bind) in enumerate(shapes):
        total = sum(part for part, shape in zip(parts, shapes, strict=True) if shape[0] == kernel)
        budget = max(int(loads[kernel] * parts[index] / total * period), int(25_000 * slowness))
        number = chance.randrange(1 << 30)
        jobs.append(_Job(kernel, name, function, period, budget, bind, number, always_most))
    channels = []
    for number, (kind, (before, after)) in enumerate(zip(kinds, pairwise(kernels), strict=True)):
        joined = f"c{number}", f"k{before}", f"k{after}"
        channels.append(ring_text(*joined) if kind == "ring" else four_slot_text(*joined, 8))
    chain = tuple(f"k{kernel}.s{number}" for number, kernel in enumerate(kernels))
    return Case(seed, busy, tuple(jobs), tuple(channels), chain)


def _random_period(chance: random.Random, spread: float) -> int:
    return int(200_000 * spread ** chance.random())


def _random_places(chance: random.Random, stages: int, kernels: int) -> list[int]:
    """A kernel for each stage: all of them, and never the same twice in a row."""
    while True:
        places = [chance.randrange(kernels) for _ in range(stages)]
        if len(set(places)) == kernels and all(one != other for one, other in pairwise(places)):
            return places
