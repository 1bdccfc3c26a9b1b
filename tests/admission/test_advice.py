"""The nearest change that makes everything fit."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from questv.admission.advice import Change, What, nearest_change
from questv.admission.costs import FREE
from questv.admission.model import Kernel, Section, Task, Vcpu, VcpuKind
from questv.admission.response import all_fit
from tests.admission.sets import random_kernel


def fits(kernel: Kernel) -> bool:
    return all_fit(kernel, FREE)


def kernel(*tasks: tuple[str, int, int, int]) -> Kernel:
    """Tasks with their needs, periods and deadlines."""
    return Kernel(
        "k",
        tuple(Vcpu(name, VcpuKind.MAIN, need, period) for name, need, period, _ in tasks),
        tuple(Task(name, name, period, need, None, due) for name, need, period, due in tasks),
        is_guarded=False,
    )


def test_the_nearest_change_is_to_whom_it_matters_least() -> None:
    """c ends at 20 and is due at 18. With b every 14 it is done at 14."""
    made = kernel(("a", 3, 7, 7), ("b", 3, 12, 12), ("c", 5, 20, 18))
    change = nearest_change(made, fits)
    assert change == Change(What.PERIOD, "b", 12, 14)
    assert fits(change.made_in(made))
    assert not fits(Change(What.PERIOD, "b", 12, 13).made_in(made))


def test_a_period_that_is_a_little_too_short_gets_longer() -> None:
    """Less than a tenth more of the period, or a budget of 45 instead of 50."""
    made = kernel(("a", 500, 1000, 1000), ("b", 500, 995, 995))
    assert nearest_change(made, fits) == Change(What.PERIOD, "b", 995, 1000)


def test_the_deadline_goes_with_the_period_if_it_is_the_same() -> None:
    made = kernel(("a", 5, 10, 10), ("b", 5, 20, 15))
    period = Change(What.PERIOD, "a", 10, 12).made_in(made)
    assert (period.vcpu("a").period, period.task("a").period, period.task("a").deadline) == (
        12,
        12,
        12,
    )
    assert Change(What.PERIOD, "b", 20, 30).made_in(made).task("b").deadline == 15


def test_a_second_budget_can_be_what_is_too_much() -> None:
    """b has 41 in the raised mode, of which 5 + 40 are done by 45."""
    made = kernel(("a", 5, 50, 50), ("b", 10, 100, 45))
    vcpus = replace(made.vcpus[0], level=1), replace(made.vcpus[1], level=1, overrun_budget=41)
    made = replace(
        made, vcpus=vcpus, tasks=(made.tasks[0], replace(made.tasks[1], overrun_need=41))
    )
    assert nearest_change(made, fits) == Change(What.SECOND_BUDGET, "b", 41, 40)


def test_a_mutex_can_be_held_for_too_long() -> None:
    """a can wait for b for 20 and no longer; a fortieth of its budget is nearer than that."""
    made = kernel(("a", 40, 100, 60), ("b", 50, 1000, 1000))
    held = tuple(replace(task, sections=(Section("m", 21),)) for task in made.tasks)
    made = replace(made, tasks=held)
    assert nearest_change(made, fits) == Change(What.BUDGET, "a", 40, 39)
    assert fits(Change(What.HOLD, "m", 21, 20).made_in(made))
    tighter = replace(made, tasks=(replace(made.tasks[0], need=40, deadline=60), made.tasks[1]))
    longer = Change(What.HOLD, "m", 21, 210).made_in(tighter)
    assert nearest_change(longer, fits) == Change(What.HOLD, "m", 210, 20)


def test_where_no_single_change_helps_there_is_none() -> None:
    """Each of three is too late because of both others, even if one needs next to nothing."""
    made = kernel(("a", 9, 10, 10), ("b", 9, 10, 10), ("c", 9, 10, 10))
    assert nearest_change(made, fits) is None


@pytest.mark.parametrize("seed", range(12))
def test_what_is_proposed_fits(seed: int) -> None:
    r = random.Random(seed)
    while True:
        made, costs = random_kernel(r)
        if not all_fit(made, costs):
            break
    change = nearest_change(made, lambda each: all_fit(each, costs))
    if change is not None:
        assert all_fit(change.made_in(made), costs)


def test_numbers_are_proposed_as_people_write_them() -> None:
    made = kernel(("a", 400_000, 1_000_000, 1_000_000), ("b", 333_337, 1_100_000, 717_171))
    change = nearest_change(made, fits)
    assert change == Change(What.BUDGET, "a", 400_000, 383_000)
