"""The analysis against simulation: nothing that is admitted ever takes longer than its bound."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from questv.admission.costs import FREE
from questv.admission.model import NORMAL, Kernel, Task, Vcpu, VcpuKind
from questv.admission.response import all_fit, response_times, spare
from tests.admission.sets import random_habits, random_kernel
from tests.admission.simulator import Habits, Simulation

_PERIODS_SEEN = 6  # of the longest period


def without_needs(kernel: Kernel) -> Kernel:
    """The same, and of VCPUs that are shared and suffice nobody knows who needs what."""
    shared = {
        vcpu.name
        for vcpu in kernel.vcpus
        if vcpu.kind is VcpuKind.MAIN
        and len(kernel.tasks_of(vcpu)) > 1
        and spare(kernel, vcpu, NORMAL) >= 0
    }
    tasks = (replace(task, need=None) if task.vcpu in shared else task for task in kernel.tasks)
    return replace(kernel, tasks=tuple(tasks))


def excess(seed: int) -> tuple[bool, list[str]]:
    """Whether the random kernel of ``seed`` is admitted, and which jobs of it took too long."""
    r = random.Random(seed)
    kernel, costs = random_kernel(r)
    told = without_needs(kernel) if r.random() < 0.3 else kernel
    if not all_fit(told, costs):
        return False, []
    bounds = {(each.task.name, each.mode): each.bound for each in response_times(told, costs)}
    habits = random_habits(r, kernel)
    until = _PERIODS_SEEN * max(task.period for task in kernel.tasks)
    return True, [
        f"seed {seed}: {seen}"
        for seen in Simulation(kernel, costs, habits, seed).run(until)
        if seen.response > (bounds[seen.task, seen.mode] or 0)
    ]


def assert_never_optimistic(seeds: range) -> int:
    """The number of kernels among ``seeds`` that are admitted, none of which breaks a promise."""
    admitted = 0
    for seed in seeds:
        is_admitted, late = excess(seed)
        admitted += is_admitted
        assert not late, late[0]
    return admitted


@pytest.mark.parametrize("first", range(0, 1200, 300))
def test_no_response_exceeds_its_bound(first: int) -> None:
    assert assert_never_optimistic(range(first, first + 300)) > 100


@pytest.mark.long
@pytest.mark.parametrize("first", range(10_000, 35_000, 2_500))
def test_no_response_exceeds_its_bound_in_ten_thousand_kernels(first: int) -> None:
    assert assert_never_optimistic(range(first, first + 2_500)) > 1_000


def plain(r: random.Random) -> Kernel:
    """Tasks with VCPUs of their own and nothing else."""
    vcpus, tasks = [], []
    for number in range(r.randint(1, 8)):
        period = r.randint(10, 500)
        budget = max(1, int(period * r.uniform(0.02, 0.4)))
        vcpus.append(Vcpu(f"v{number}", VcpuKind.MAIN, budget, period))
        tasks.append(Task(f"t{number}", f"v{number}", period, budget, None, period))
    return Kernel("plain", tuple(vcpus), tuple(tasks), is_guarded=False)


def test_for_independent_tasks_the_bound_is_exact() -> None:
    """Released together, with all that they may need, each takes its bound the first time."""
    admitted = 0
    for seed in range(200):
        kernel = plain(random.Random(seed))
        if not all_fit(kernel, FREE):
            continue
        admitted += 1
        longest = max(task.period for task in kernel.tasks)
        seen = Simulation(kernel, FREE, Habits(), seed).run(2 * longest)
        firsts = {each.task: each.response for each in seen if each.due == 0}
        assert firsts == {each.task.name: each.bound for each in response_times(kernel, FREE)}
    assert admitted > 50


def test_who_had_to_yield_must_not_catch_up() -> None:
    """Were its budget to count from before it could run again, it would have two at once."""
    vcpus = (
        Vcpu("high", VcpuKind.MAIN, 5, 100, 85, level=1),
        Vcpu("low", VcpuKind.MAIN, 20, 110),
        Vcpu("slow", VcpuKind.MAIN, 10, 400, level=1),
    )
    tasks = (
        Task("high", "high", 100, 5, 85, 100),
        Task("low", "low", 110, 20, None, 110),
        Task("slow", "slow", 400, 10, None, 400),
    )
    kernel = Kernel("k", vcpus, tasks, is_guarded=False)
    bounds = {(each.task.name, each.mode): each.bound for each in response_times(kernel, FREE)}
    assert (bounds["slow", 0], bounds["slow", 1]) == (35, 200)

    def longest(habits: Habits) -> int:
        runs = [Simulation(kernel, FREE, habits, seed).run(4_000) for seed in range(30)]
        return max(
            each.response for run in runs for each in run if each.task == "slow" and each.mode == 0
        )

    habits = Habits(synchronous=False, overruns=0.2)
    assert longest(habits) <= 35 < longest(replace(habits, rejoin=False))
