"""Chains: bounds worked out by hand, and against simulations of several kernels."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from questv.admission.chains import ChainBound, chain_bounds
from questv.admission.costs import FREE, Costs
from questv.admission.model import Chain, Doorbell, Kernel, System, Task, Vcpu, VcpuKind
from questv.admission.response import all_fit
from tests.admission.simulator import Habits, Seen, Simulation


@dataclass(frozen=True)
class T:
    """A task with a VCPU of its own."""

    name: str
    need: int
    period: int
    budget: int = 0
    is_woken: bool = False
    level: int = 0
    overrun: int | None = None


def kernel(name: str, *tasks: T, **more: object) -> Kernel:
    return Kernel(
        name,
        tuple(
            Vcpu(t.name, VcpuKind.MAIN, t.budget or t.need, t.period, t.overrun, t.level)
            for t in tasks
        ),
        tuple(
            Task(t.name, t.name, t.period, t.need, t.overrun, t.period, is_woken=t.is_woken)
            for t in tasks
        ),
        is_guarded=False,
        **more,  # type: ignore[arg-type]
    )


def chain(*tasks: str, latency: int = 10**6, freshness: int | None = None) -> Chain:
    return Chain("c", tasks, latency, freshness)


def bound(made: Chain, *kernels: Kernel, costs: Costs = FREE) -> ChainBound:
    (found,) = chain_bounds(System(kernels, (made,)), costs)
    return found


def numbers(made: Chain, *kernels: Kernel, costs: Costs = FREE) -> tuple[int | None, int | None]:
    found = bound(made, *kernels, costs=costs)
    return found.latency, found.freshness


def test_one_task_takes_its_response() -> None:
    assert numbers(chain("a.x"), kernel("a", T("y", 1, 5), T("x", 3, 10))) == (4, 4)


def test_data_that_another_kernel_samples_waits_for_its_period() -> None:
    """Davare et al.: 2 + (20 + 3), and (10 + 2) + 3."""
    assert numbers(chain("a.x", "b.y"), kernel("a", T("x", 2, 10)), kernel("b", T("y", 3, 20))) == (
        25,
        15,
    )


def test_what_a_message_wakes_does_not_wait() -> None:
    b = kernel("b", T("h", 1, 4), T("y", 3, 10, is_woken=True))
    assert numbers(chain("a.x", "b.y"), kernel("a", T("x", 2, 10)), b) == (2 + 4, 2 + 4)


def test_a_leg_of_three_is_sampled_as_a_whole() -> None:
    """x and y end 2 + 3 after the release of x; z: + 8 + 1 or + 10 + 1."""
    made = chain("a.x", "b.y", "c.z")
    b = kernel("b", T("y", 3, 10, is_woken=True))
    kernels = kernel("a", T("x", 2, 10)), b, kernel("c", T("z", 1, 8))
    assert numbers(made, *kernels) == (2 + 3 + 8 + 1, 2 + 3 + 10 + 1)


def test_in_one_kernel_a_less_urgent_task_of_the_same_period_takes_it_at_once() -> None:
    a = kernel("a", T("x", 2, 10), T("y", 3, 10))
    assert numbers(chain("a.x", "a.y"), a) == (5, 5)


def test_in_one_kernel_a_more_urgent_task_takes_it_at_its_next_release() -> None:
    """What y writes at 5 is acted on from 10 to 12."""
    a = kernel("a", T("x", 2, 10), T("y", 3, 10))
    assert numbers(chain("a.y", "a.x"), a) == (12, 12)


def test_in_one_kernel_the_releases_are_multiples_of_what_the_periods_have_in_common() -> None:
    """x, every 10, is done at 2; z, every 15, ends by 9: g = 5.

    From x to z: 15 - 5 to the next release of z, and 10 - 5 to the last of x. From z to x: 9, and
    10 - 5 + 1 to the next multiple of 5 that x can be released at, or 15 - 5 + 1 back to z.
    """
    a = kernel("a", T("x", 2, 10), T("y", 5, 12), T("z", 2, 15))
    assert numbers(chain("a.x", "a.z"), a) == (10 + 9, 5 + 9)
    assert numbers(chain("a.z", "a.x"), a) == (9 + 6 + 2, 9 + 11 + 2)


def test_where_the_kernel_takes_time_a_task_needs_budget_to_spare_to_go_first() -> None:
    """Its budget may come back as late as it was noticed the time before: 2, in which y can run."""
    costs = replace(FREE, switch=2, source="this test")
    made = chain("a.x", "a.y")
    tight = kernel("a", T("x", 20, 100), T("y", 30, 100))
    ample = kernel("a", T("x", 20, 100, budget=22), T("y", 30, 100))
    assert numbers(made, ample, costs=costs)[0] == 2 + 2 + 22 + 30 + 3 * 2 + 2
    latency, _ = numbers(made, tight, costs=costs)
    assert latency == 100 + 2 + 2 + 20 + 30 + 3 * 2 + 2


def test_a_loop_to_another_kernel_and_back_is_in_step_again() -> None:
    """x ends at 2, y at 2 + 3; z, in the kernel of x and of its period, is next released at 10."""
    a = kernel("a", T("x", 2, 10), T("z", 1, 10))
    b = kernel("b", T("y", 3, 10, is_woken=True))
    assert numbers(chain("a.x", "b.y", "a.z"), a, b) == (10 + 3, 10 + 3)


def test_only_modes_count_in_which_all_of_the_chain_goes_on() -> None:
    a = kernel("a", T("h", 1, 5, level=2, overrun=2), T("x", 2, 10, level=1), T("y", 2, 20))
    assert numbers(chain("a.x"), a) == (3, 3)
    assert numbers(chain("a.h"), a) == (2, 2)


@pytest.mark.parametrize(
    ("made", "culprit"),
    [
        (chain("a.x", "a.late"), "a.late"),
        (chain("a.never"), "a.never"),
        (chain("a.x", "b.slow"), "b.slow"),
        (chain("a.x", "b.shared"), "b.shared"),
    ],
)
def test_where_nothing_can_be_promised_somebody_is_named(made: Chain, culprit: str) -> None:
    a = kernel("a", T("x", 6, 10), T("late", 9, 20), T("never", 1, 30))
    b = kernel("b", T("slow", 1, 11, is_woken=True), T("one", 3, 10))
    shared = Task("shared", "one", 10, 1, None, 10, is_woken=True)
    b = replace(b, tasks=(*b.tasks, shared))
    found = bound(made, a, b)
    assert (found.latency, found.freshness, found.culprit) == (None, None, culprit)
    assert not found.fits


def test_of_what_comes_when_it_likes_nobody_knows_the_age() -> None:
    a = kernel("a", T("x", 2, 10, is_woken=True))
    found = bound(chain("a.x", "b.y"), a, kernel("b", T("y", 3, 20)))
    assert (found.latency, found.freshness, found.culprit) == (25, None, "a.x")
    assert found.fits
    assert not replace(found, chain=replace(found.chain, freshness=10**6)).fits


def test_demands_are_met_or_not() -> None:
    kernels = kernel("a", T("x", 2, 10)), kernel("b", T("y", 3, 20))
    for latency, freshness, fits in [(25, 15, True), (24, 15, False), (25, 14, False)]:
        made = chain("a.x", "b.y", latency=latency, freshness=freshness)
        assert bound(made, *kernels).fits is fits


# ---- against simulations ----


def first_uses(before: Sequence[Seen], jobs: Sequence[Seen]) -> dict[int, Seen]:
    """By the release of each job of ``before``, the first of ``jobs`` that has its data."""
    found = {}
    for job in before:
        later = (each for each in jobs if each.start >= job.end)
        use = min(later, key=lambda each: each.start, default=None)
        if use is not None:
            found[job.due] = use
    return found


def measured(
    legs: Sequence[Sequence[Seen]], is_woken: Sequence[bool], since: int, until: int
) -> tuple[int, int]:
    """The longest latency and the greatest age along the jobs of each stage, while all run."""
    # By the release of the first, the job that it got to.
    reached = {job.due: job for job in legs[0] if job.due >= since}
    sources = {job.due: job.due for job in legs[0]}  # by a job's release, where its data is from
    for before, jobs, woken in zip(legs, legs[1:], is_woken[1:], strict=False):
        if woken:
            uses = {job.due: by for job in before for by in jobs if by.due == job.end}
        else:
            uses = first_uses(before, jobs)
        reached = {due: uses[job.due] for due, job in reached.items() if job.due in uses}
        origins = {}
        for job in jobs:
            ready = [each for each in before if each.end <= (job.due if woken else job.start)]
            newest = max(ready, key=lambda each: each.end, default=None)
            if newest is not None and newest.due in sources:
                origins[job.due] = sources[newest.due]
        sources = origins
    latency = max((job.end - due for due, job in reached.items()), default=0)
    known = (job for job in legs[-1] if sources.get(job.due, -1) >= since and job.end <= until)
    ages = (job.end - sources[job.due] for job in known)
    return latency, max(ages, default=0)


def random_system(r: random.Random) -> tuple[System, Costs]:
    """Two or three kernels and a chain across them, in which messages wake only later kernels."""
    costs = (
        replace(FREE, timer=1, switch=1, doorbell=1, source="random") if r.random() < 0.3 else FREE
    )
    periods = r.choice(((100, 200, 400), (100, 150, 250, 300), (90, 100, 110, 170)))
    kernels, names = [], []
    for number in range(r.randint(1, 3)):
        tasks: list[T] = []
        count = r.randint(2, 5)
        for index in range(count):
            period = r.choice(periods)
            need = max(2, int(period * r.uniform(0.05, 1.2 / count)))
            woken = number > 0 and index == 0 and r.random() < 0.5
            if woken:
                period = min(periods)
                need = max(2, need * period // max(periods))
            tasks.append(T(f"t{index}", need, period, need + r.choice((0, 12)), woken))
        doorbells = tuple(Doorbell("d", t.period) for t in tasks if t.is_woken)
        kernels.append(kernel(f"k{number}", *tasks, doorbells=doorbells))
        plain = [t.name for t in tasks if not t.is_woken]
        inner = r.sample(plain, r.randint(1, min(2, len(plain))))
        woken_first = [t.name for t in tasks if t.is_woken]
        names += [f"k{number}.{name}" for name in (*woken_first, *inner)]
    if len(kernels) > 1 and r.random() < 0.3:
        left = {f"k0.{task.name}" for task in kernels[0].tasks} - set(names)
        names += sorted(left)[:1]
    return System(tuple(kernels), (chain(*names),)), costs


def run_chain(system: System, costs: Costs, seed: int, worst: bool) -> tuple[int, int]:
    """Run one kernel after the other, each from a moment of its own, and follow the chain."""
    r = random.Random(seed)
    stages = list(system.stages(system.chains[0]))
    until = 12 * max(task.period for each in system.kernels for task in each.tasks)
    jobs: dict[tuple[str, str], list[Seen]] = {}
    offset = latest = 0
    for made in system.kernels:
        messages: dict[str, list[int]] = {}
        for (before, sender), (after, task) in pairwise(stages):
            if after is made and task.is_woken:
                ends = [job.end for job in jobs[before.name, sender.name]]
                messages[task.name] = [end - offset for end in ends if end >= offset]
        for task in made.tasks:
            if task.is_woken:
                messages.setdefault(task.name, [])
        run = Simulation(made, costs, Habits(worst=worst), seed, messages).run(until)
        for seen in run:
            moved = replace(seen, due=seen.due + offset, start=seen.start + offset)
            jobs.setdefault((made.name, seen.task), []).append(moved)
        latest = max(latest, offset)
        offset = r.randint(0, 400)  # of the next; the first begins at 0
    legs = [jobs.get((each.name, task.name), []) for each, task in stages]
    return measured(legs, [task.is_woken for _, task in stages], latest, until)


def assert_within_bounds(seeds: range) -> tuple[int, list[float]]:
    """How many random systems are admitted, and how much of its bound each chain has reached."""
    admitted, reached = 0, []
    for seed in seeds:
        system, costs = random_system(random.Random(seed))
        (found,) = chain_bounds(system, costs)
        fits = all(all_fit(each, costs) for each in system.kernels)
        if found.latency is None or found.freshness is None or not fits:
            continue
        admitted += 1
        best = 0
        for run in range(4):
            latency, age = run_chain(system, costs, 100 * seed + run, run < 3)
            assert latency <= found.latency, f"seed {seed}: {latency}, {found}"
            assert age <= found.freshness, f"seed {seed}: {age}, {found}"
            best = max(best, latency)
        reached.append(best / found.latency)
    return admitted, reached


def test_no_chain_takes_longer_or_is_older_than_its_bound() -> None:
    admitted, reached = assert_within_bounds(range(200))
    assert admitted > 50
    assert sum(reached) / len(reached) > 0.5


@pytest.mark.long
def test_no_chain_exceeds_its_bound_in_many_systems() -> None:
    admitted, _ = assert_within_bounds(range(1_000, 9_000))
    assert admitted > 2_000
