"""Response times, against examples that are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from questv.admission.costs import FREE, Costs
from questv.admission.model import (
    Doorbell,
    Guest,
    Interrupt,
    Kernel,
    Section,
    Task,
    Vcpu,
    VcpuKind,
)
from questv.admission.response import all_fit, response_times, spare


def own(
    name: str, need: int, period: int, deadline: int | None = None, **more: int
) -> tuple[Vcpu, Task]:
    """A task with a VCPU of its own."""
    level = more.pop("level", 0)
    overrun = more.pop("overrun", None)
    vcpu = Vcpu(name, VcpuKind.MAIN, need, period, overrun, level)
    return vcpu, Task(name, name, period, need, overrun, deadline or period, **more)


def kernel(*pairs: tuple[Vcpu, Task], **more: object) -> Kernel:
    vcpus, tasks = zip(*pairs, strict=True)
    return Kernel("k", vcpus, tasks, **more)  # type: ignore[arg-type]


def bounds(made: Kernel, costs: Costs = FREE, mode: int = 0) -> dict[str, int | None]:
    return {each.task.name: each.bound for each in response_times(made, costs) if each.mode == mode}


def test_three_tasks_of_the_textbook() -> None:
    """A. Burns, A. Wellings, "Real-Time Systems and Programming Languages"."""
    made = kernel(own("a", 3, 7), own("b", 3, 12), own("c", 5, 20))
    assert bounds(made) == {"a": 3, "b": 6, "c": 20}
    assert all_fit(made, FREE)


def test_harmonic_periods_fill_the_core() -> None:
    """The same book's example of a set above the utilization bound that fits."""
    made = kernel(own("c", 40, 80), own("b", 10, 40), own("a", 5, 20))
    assert bounds(made) == {"a": 5, "b": 15, "c": 80}


def test_a_window_that_is_passed_over_in_steps() -> None:
    """C. L. Liu and J. W. Layland's bound is not needed: 0.953 of a core, by hand.

    c: 100 -> 100 + 40 + 40 = 180 -> 100 + 2*40 + 2*40 = 260 -> 100 + 3*40 + 2*40 = 280
    -> 100 + 3*40 + 2*40 = 300 -> 300 (J. Lehoczky, L. Sha, Y. Ding, RTSS 1989, exact test).
    """
    made = kernel(own("a", 40, 100), own("b", 40, 150), own("c", 100, 350))
    assert bounds(made) == {"a": 40, "b": 80, "c": 300}


def test_a_deadline_that_is_missed_is_missed_by_a_number() -> None:
    made = kernel(own("a", 3, 7), own("b", 3, 12), own("c", 5, 20, 18))
    (late,) = [each for each in response_times(made, FREE) if not each.fits]
    assert (late.task.name, late.bound, late.slack) == ("c", 20, -2)
    assert not all_fit(made, FREE)


def test_what_does_not_end_within_the_period_is_followed_for_a_while() -> None:
    made = kernel(own("a", 3, 6), own("b", 3, 8), own("c", 1, 8))
    assert bounds(made) == {"a": 3, "b": 6, "c": 16}


def test_a_full_core_gives_no_bound() -> None:
    made = kernel(own("a", 5, 5), own("b", 1, 10))
    assert bounds(made) == {"a": 5, "b": None}


def test_what_would_take_very_many_steps_is_given_up_or_found_at_once() -> None:
    """999 of each 1000 are taken: what is left makes 1 of 1000. With all taken there is nothing."""
    second = 10**9
    assert bounds(kernel(own("a", 999, 1000), own("b", 10**6, second)))["b"] == second
    assert bounds(kernel(own("a", 1, 1), own("b", 1, second)))["b"] is None


def test_equal_periods_are_ordered_as_described() -> None:
    assert bounds(kernel(own("b", 2, 10), own("a", 1, 10))) == {"b": 2, "a": 3}


def test_jitter_delays_the_task_itself_alone() -> None:
    """More urgent servers stand between: b would take 7 if a's budget could come twice."""
    made = kernel(own("a", 2, 6, jitter=3), own("b", 3, 12, jitter=4))
    assert bounds(made) == {"a": 5, "b": 9}


def test_one_critical_section_blocks() -> None:
    """a shares m with c, b is between: both wait for c's longest section on m; d's is no matter."""
    a, b, c, d = own("a", 2, 10), own("b", 2, 20), own("c", 5, 40), own("d", 5, 80)
    m, n = Section("m", 1), Section("n", 4)
    made = kernel(
        (a[0], replace(a[1], sections=(m,))),
        b,
        (c[0], replace(c[1], sections=(replace(m, hold=3), n))),
        (d[0], replace(d[1], sections=(n,))),
    )
    # A more urgent holder may go on for its hold without budget, once: a by 1, c by 4.
    assert bounds(made) == {"a": 2 + 3, "b": 2 + 3 + 2 + 1, "c": 5 + 4 + 4 + 2 + 1, "d": 25}


def test_sections_of_best_effort_block_too() -> None:
    a = own("a", 2, 10)
    best = Vcpu("rest", VcpuKind.BEST_EFFORT)
    m = Section("m", 4)
    made = kernel((a[0], replace(a[1], sections=(m,))), (best, Task("z", "rest", sections=(m,))))
    assert bounds(made) == {"a": 6}


def shared(*tasks: Task) -> Kernel:
    """Tasks on one VCPU of 3 in 10, and a more urgent one of 1 in 5."""
    hasty = own("h", 1, 5)
    return Kernel("k", (Vcpu("s", budget=3, period=10), hasty[0]), (*tasks, hasty[1]))


def test_tasks_that_share_an_ample_vcpu_are_as_if_each_had_its_own() -> None:
    made = shared(Task("a", "s", 10, 1, None, 10), Task("b", "s", 20, 2, None, 20))
    assert bounds(made) == {"h": 1, "a": 2, "b": 4}


def test_tasks_that_share_may_find_the_budget_used_up() -> None:
    """4 are needed in 10, 3 are there.

    a: the budget comes 10 - 3 later and 1 of it takes 1 + 1. b: 3 + 2 of a need two budgets, the
    second comes at 7 + 10 and 2 of it take 2 + 1.
    """
    made = shared(Task("a", "s", 10, 1, None, 10), Task("b", "s", 40, 3, None, 40))
    assert bounds(made) == {"h": 1, "a": 9, "b": 20}


def test_jitter_can_make_a_shared_vcpu_short() -> None:
    b = Task("b", "s", 20, 2, None, 20)
    ample = shared(Task("a", "s", 12, 1, None, 10, 2), b)
    short = shared(Task("a", "s", 12, 1, None, 10, 3), b)
    assert [spare(made, made.vcpu("s"), 0) for made in (ample, short)] == [0, -1]
    assert [bounds(made)["a"] for made in (ample, short)] == [2 + 2, 3 + 7 + 2]


def test_tasks_of_unknown_needs_have_the_response_of_their_vcpu_in_common() -> None:
    """3 and one of h, or 5 and two of h once the second budget is needed."""
    tasks = Task("a", "s", 10, None, None, 10), Task("b", "s", 20, None, None, 15)
    made = shared(*tasks)
    assert bounds(made) == {"h": 1, "a": 4, "b": 4}
    second = replace(made.vcpu("s"), overrun_budget=5, level=1)
    assert bounds(replace(made, vcpus=(second, made.vcpu("h"))), mode=1) == {"a": 6, "b": 6}


def test_a_vcpu_that_does_not_get_its_own_budget_promises_nothing_to_who_shares_it() -> None:
    hasty = own("h", 4, 5)
    made = Kernel(
        "k", (Vcpu("s", budget=3, period=10), hasty[0]), (Task("a", "s", 10, 4, None, 10), hasty[1])
    )
    assert bounds(made) == {"h": 4, "a": None}


def io(utilization: Fraction, *serves: str) -> Vcpu:
    return Vcpu("io", VcpuKind.IO, utilization=utilization, serves=serves)


def test_io_takes_its_share_and_one_go_at_once() -> None:
    """10, and a tenth of the window and 9/10 * 10: 22. In 100 it takes (2 - U)U = 0.19."""
    x = own("x", 10, 100)
    made = Kernel("k", (x[0], io(Fraction(1, 10), "x")), (x[1],))
    assert bounds(made) == {"x": 22}
    whole = own("x", 81, 100)
    assert bounds(Kernel("k", (whole[0], io(Fraction(1, 10), "x")), (whole[1],))) == {"x": 100}


def test_io_for_somebody_less_urgent_is_no_matter() -> None:
    """y: 10 + 10, and 9/10 * 20 and a tenth of the window: 42.3."""
    x, y = own("x", 10, 100), own("y", 10, 200)
    made = Kernel("k", (x[0], y[0], io(Fraction(1, 10), "y")), (x[1], y[1]))
    assert bounds(made) == {"x": 10, "y": 43}


def test_io_for_somebody_less_urgent_as_well_can_have_waited_for_long() -> None:
    """Twice 9/10 * 20, the longer period's, and a tenth of the window: 10 + 36 + 5.2."""
    x, y = own("x", 10, 100), own("y", 10, 200)
    made = Kernel("k", (x[0], y[0], io(Fraction(1, 10), "x", "y")), (x[1], y[1]))
    assert bounds(made)["x"] == 52


def test_interrupts_and_doorbells_take_their_share() -> None:
    """10, and 2 interrupts of 2 in 20, and 2 doorbells of 2 and a late one.

    All at once, 2 + 2 * 2 of them can keep the kernel from noticing that x is due.
    """
    costs = replace(FREE, doorbell=2)
    made = kernel(
        own("x", 10, 100),
        interrupts=(Interrupt("device", 10, 2),),
        doorbells=(Doorbell("peer", 11),),
    )
    assert bounds(made, costs) == {"x": 20 + 6}


def test_the_kernels_own_time_is_counted() -> None:
    """a: its release, those of b and c, three replenishments, a switch, an exit of 7.

    It may be noticed when all of that is over, and the timer is late by 1, twice. b: the same, and
    of a: one release with two switches, two interrupts and switches for its budget, which may be
    noticed 1 late.
    """
    costs = replace(FREE, timer=3, switch=2, exit=7, resolution=1)
    made = kernel(own("a", 10, 1000), own("b", 20, 2000), own("c", 30, 3000))
    late = 2 + 3 * (3 + 3) + 2 + 7
    a = late + 10 + 3 * (1 + 2 + 3) + 2 + 7
    b = late + 20 + 3 * (1 + 1 + 3) + 2 + 7 + 10 + (3 + 4) + (6 + 4) + 1
    assert {name: bounds(made, costs)[name] for name in "ab"} == {"a": a, "b": b}
    kernel_time = {each.task.name: each.kernel for each in response_times(made, costs)}
    assert kernel_time["a"] == 3 * (1 + 2 + 3) + 2
    assert kernel_time["b"] == 3 * (1 + 1 + 3) + 2 + (3 + 4)
    unguarded = replace(made, is_guarded=False)
    assert bounds(unguarded, costs)["a"] == a - 2 * 7


def test_what_a_task_that_moves_costs_its_kernel() -> None:
    """m comes and goes twice at most, moved by b: each time b is woken three times, and m twice.

    b: 2 * 3 * 2 switches of 2. m and c: besides, 2 * 2 * 2 switches, and two pieces, each an
    interrupt and a switch twice; of budgets, three pieces of b and two of m. a is more urgent.
    """
    costs = replace(FREE, timer=3, switch=2)
    made = kernel(own("a", 10, 1000), own("b", 20, 2000), own("m", 30, 3000), own("c", 40, 4000))
    moving = replace(made, guests=(Guest("m", "b", 2000),))
    before, after = bounds(made, costs), bounds(moving, costs)
    more = {name: (after[name] or 0) - (before[name] or 0) for name in after}
    piece = 2 * (3 + 2)
    visits = 2 * (3 * 2 * 2 + 2 * 2 * 2 + piece)
    assert more == {"a": 0, "b": 24, "m": visits + 5 * piece, "c": visits + 5 * piece}


def test_only_so_many_tasks_can_move_to_a_kernel() -> None:
    """Each has the budget of what moves them cut into three more pieces, of sixteen."""
    tasks = [own(f"m{number}", 10, 3000) for number in range(6)]
    guests = tuple(Guest(task.name, "by", 2000) for _, task in tasks)
    made = kernel(own("by", 20, 2000), *tasks)
    assert bounds(replace(made, guests=guests[:5]))["by"] == 20
    assert bounds(replace(made, guests=guests))["by"] is None


def test_a_switch_of_mode_after_the_formula() -> None:
    """AMC-rtb by hand.

    c in mode 0: 2 + 2 * 1 + 1 * 2 = 6. Through the switch: 4 + ceil(w / 4) * 2 of a, and of b,
    which runs no longer than those 6, ceil(6 / 6) * 2: 12.
    """
    made = kernel(
        own("a", 1, 4, level=1, overrun=2), own("b", 2, 6), own("c", 2, 20, level=1, overrun=4)
    )
    assert bounds(made) == {"a": 1, "b": 3, "c": 6}
    assert bounds(made, mode=1) == {"a": 2, "c": 12}


def test_modes_one_after_the_other() -> None:
    """Three levels: d may wait in mode 0, then in mode 1 with b at its second budget, then in 2.

    Mode 0: 2 + 1 + 1 + 1 = 5. Mode 1: 3 + 1 + 2 + ceil(5 / 8) * 1 = 7. Mode 2:
    3 + 2 of a + ceil(7 / 16) * 2 of b + ceil(5 / 8) * 1 of c = 8.
    """
    made = kernel(
        own("a", 1, 20, level=2, overrun=2),
        own("b", 1, 16, level=1, overrun=2),
        own("c", 1, 8),
        own("d", 2, 40, level=3, overrun=3),
    )
    assert made.modes == (0, 1, 2, 3)
    assert bounds(made) == {"c": 1, "b": 2, "a": 3, "d": 5}
    assert [bounds(made, mode=mode).get("d") for mode in (1, 2, 3)] == [8, 8, 8]


def test_a_level_without_a_second_budget_goes_on_with_its_first() -> None:
    made = kernel(own("a", 1, 4, level=1, overrun=2), own("b", 2, 6, level=1), own("c", 1, 30))
    assert made.modes == (0, 1)
    assert bounds(made, mode=1) == {"a": 2, "b": 4}


def test_only_what_can_raise_the_mode_makes_one() -> None:
    assert kernel(own("a", 1, 4, level=2), own("b", 2, 6, overrun=3)).modes == (0,)


def test_a_budget_is_cut_into_sixteen_pieces_at_most() -> None:
    """The last ones would come back together, and late: nothing is promised of more."""
    vcpu = Vcpu("v", VcpuKind.MAIN, 200, 10_000)
    for period, bound in ((10_000 // 16, 200), (10_000 // 17, None)):
        task = Task("a", "v", period, None, deadline=period)
        assert bounds(Kernel("k", (vcpu,), (task,))) == {"a": bound}
