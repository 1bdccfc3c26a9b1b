"""Many servers on one core: what they promise to each other, and that the kernel's keep it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from math import inf

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from questv.metal.jit import Jit
from tests.kernel.models.scheduling import (
    Client,
    Server,
    Slice,
    is_below_bound,
    most_in,
    most_of_io_in,
    response_times,
    simulate,
    usage,
)

from .adapters import IoMetal, SporadicMetal, SporadicModel

ALWAYS = 10**9
"""Work that is never done."""

QUICK = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LONG = settings(QUICK, max_examples=10_000)


@dataclass(frozen=True)
class Vcpu:
    """A main VCPU and its work."""

    budget: int
    period: int
    jobs: tuple[tuple[int, int], ...]  # (time, ticks)
    kind: str

    @property
    def task(self) -> tuple[int, int]:
        return self.budget, self.period


@st.composite
def vcpus(draw: st.DrawFn, kinds: tuple[str, ...], load: float = 1) -> Vcpu:
    """A VCPU that is always busy, or gets a job now and then, or whatever at any time."""
    period = draw(st.integers(4, 60))
    budget = draw(st.integers(1, max(1, int(period * load))))
    kind = draw(st.sampled_from(kinds))
    if kind == "backlogged":
        return Vcpu(budget, period, ((0, ALWAYS),), kind)
    jobs: list[tuple[int, int]] = []
    time = draw(st.integers(0, period))
    for _ in range(draw(st.integers(1, 12))):
        if kind == "sporadic":  # a job that fits the budget each period at most
            jobs.append((time, draw(st.integers(1, budget))))
            time += period + draw(st.sampled_from([0, 0, 1, 2, period]))
        else:
            jobs.append((time, draw(st.integers(1, 2 * budget))))
            time += draw(st.integers(1, max(1, period // draw(st.sampled_from([1, 4, 16])))))
    return Vcpu(budget, period, tuple(jobs), kind)


KINDS = ("backlogged", "sporadic", "wild", "wild")


def sets(load: float, kinds: tuple[str, ...] = KINDS) -> st.SearchStrategy[list[Vcpu]]:
    """Some VCPUs in the order of their urgency."""
    return st.lists(vcpus(kinds, load), min_size=1, max_size=6).map(
        lambda found: sorted(found, key=lambda vcpu: vcpu.period)
    )


LATE = st.lists(st.sampled_from([0, 0, 0, 1, 2, 7]), min_size=1, max_size=7)


def end_of(found: list[Vcpu]) -> int:
    """Long enough for most of the jobs."""
    return 12 * max(vcpu.period for vcpu in found)


def run(
    found: list[Vcpu], servers: list[Server], late: list[int] | None = None
) -> tuple[list[Client], list[Slice]]:
    pairs = zip(found, servers, strict=True)
    clients = [Client(server, list(vcpu.jobs)) for vcpu, server in pairs]
    return clients, simulate(clients, end_of(found), late)


def run_models(
    found: list[Vcpu], late: list[int] | None = None
) -> tuple[list[SporadicModel], list[Client], list[Slice]]:
    models = [SporadicModel(*vcpu.task) for vcpu in found]
    clients, slices = run(found, list(models), late)
    return models, clients, slices


# ---- what holds for the models, and for the kernel's servers since they do the same ----------


def schedules_agree(jit: Jit, found: list[Vcpu], late: list[int]) -> None:
    _, _, expected = run_models(found, late)
    _, slices = run(found, [SporadicMetal(jit, *vcpu.task) for vcpu in found], late)
    assert slices == expected


@QUICK
@given(found=sets(1), late=LATE)
def test_the_kernels_servers_schedule_as_the_models_do(
    jit: Jit, found: list[Vcpu], late: list[int]
) -> None:
    schedules_agree(jit, found, late)


@pytest.mark.long
@LONG
@given(found=sets(1), late=LATE)
def test_the_kernels_servers_schedule_as_the_models_do_for_longer(
    jit: Jit, found: list[Vcpu], late: list[int]
) -> None:
    schedules_agree(jit, found, late)


@QUICK
@given(found=sets(1))
def test_time_is_accounted_for(found: list[Vcpu]) -> None:
    _, clients, slices = run_models(found)
    assert [each.start for each in slices] == [0, *(each.end for each in slices[:-1])]
    idle = sum(each.end - each.start for each in slices if each.who is None)
    used = [usage(slices, who)[-1] for who in range(len(found))]
    assert sum(used) + idle == slices[-1].end == end_of(found)
    for vcpu, client, got in zip(found, clients, used, strict=True):
        given = sum(work for time, work in vcpu.jobs if time < end_of(found))
        assert got == given - client.work


@QUICK
@given(found=sets(1))
def test_the_core_is_never_kept_from_the_most_urgent(found: list[Vcpu]) -> None:
    _, _, slices = run_models(found)
    for each in slices:
        assert each.who == min(each.able, default=None)


@QUICK
@given(found=sets(1), length=st.integers(1, 200))
def test_nobody_gets_more_than_its_budget_in_any_window(found: list[Vcpu], length: int) -> None:
    """More than once its budget in a period only where it was deferred, and never twice more."""
    models, _, slices = run_models(found)
    for who, (vcpu, model) in enumerate(zip(found, models, strict=True)):
        total = usage(slices, who)
        assert model.deferral < vcpu.period
        assert who > 0 or model.deferral == 0
        for window in (vcpu.period, length):
            most = max((b - a for a, b in zip(total, total[window:], strict=False)), default=0)
            assert most <= most_in(window, *vcpu.task, model.deferral)
        assert most_in(vcpu.period, *vcpu.task, 0) == vcpu.budget
        assert most_in(vcpu.period, *vcpu.task, model.deferral) <= 2 * vcpu.budget


@QUICK
@given(found=sets(1), late=LATE, length=st.integers(1, 200))
def test_an_overrun_is_paid_back(found: list[Vcpu], late: list[int], length: int) -> None:
    """No window has more than it could otherwise but for one overrun, however many there were."""
    models, _, slices = run_models(found, late)
    for who, (vcpu, model) in enumerate(zip(found, models, strict=True)):
        total = usage(slices, who)
        for window in (vcpu.period, length):
            most = max((b - a for a, b in zip(total, total[window:], strict=False)), default=0)
            assert most <= most_in(window, *vcpu.task, model.deferral) + max(late)


def test_the_worst_window_is_reached() -> None:
    """It is deferred at its first budget, and gets the second one at once."""
    urgent = Vcpu(6, 20, ((0, 6), (40, 6)), "sporadic")
    found = [urgent, Vcpu(4, 20, ((0, ALWAYS),), "backlogged")]
    models, _, slices = run_models(found)
    total = usage(slices, 1)
    assert models[1].deferral == 6
    assert total[26] - total[6] == 8 == most_in(20, 4, 20, 6)


# ---- what holds where the set is admitted ----------------------------------------------------


def finishes(vcpu: Vcpu, total: list[int]) -> list[int]:
    """When each job was done, of those that were."""
    done, found = 0, []
    for _, work in vcpu.jobs:
        done += work
        if done <= total[-1]:
            found.append(bisect_left(total, done))
    return found


def promises_are_kept(found: list[Vcpu], slices: list[Slice], responses: list[float]) -> None:
    for who, (vcpu, response) in enumerate(zip(found, responses, strict=True)):
        total = usage(slices, who)
        if vcpu.kind == "backlogged":
            for start in range(0, end_of(found) - vcpu.period + 1, vcpu.period):
                assert total[start + vcpu.period] - total[start] == vcpu.budget
        if vcpu.kind == "sporadic":
            due = [time for time, _ in vcpu.jobs if time + response <= end_of(found)]
            done = finishes(vcpu, total)
            assert len(done) >= len(due)
            for time, finish in zip(due, done, strict=False):
                assert finish - time <= response


def admitted_get_what_they_were_promised(jit: Jit, found: list[Vcpu]) -> None:
    responses = response_times([vcpu.task for vcpu in found])
    assume(inf not in responses)
    _, slices = run(found, [SporadicMetal(jit, *vcpu.task) for vcpu in found])
    promises_are_kept(found, slices, responses)


@QUICK
@given(found=sets(0.35))
def test_a_set_that_is_admitted_gets_what_it_was_promised(jit: Jit, found: list[Vcpu]) -> None:
    """Whatever the others do, each job of its budget ends within its worst response time."""
    admitted_get_what_they_were_promised(jit, found)


@pytest.mark.long
@LONG
@given(found=sets(0.35))
def test_a_set_that_is_admitted_gets_what_it_was_promised_for_longer(
    jit: Jit, found: list[Vcpu]
) -> None:
    admitted_get_what_they_were_promised(jit, found)


@QUICK
@given(vcpu=vcpus(("backlogged",)))
def test_who_is_alone_gets_exactly_its_budget(jit: Jit, vcpu: Vcpu) -> None:
    _, slices = run([vcpu], [SporadicMetal(jit, *vcpu.task)])
    promises_are_kept([vcpu], slices, [inf])
    total = usage(slices, 0)
    for start in range(len(total) - vcpu.period):
        assert total[start + vcpu.period] - total[start] == vcpu.budget


# ---- with I/O --------------------------------------------------------------------------------


@st.composite
def io_sets(draw: st.DrawFn, load: float) -> tuple[list[Vcpu], Vcpu, Fraction, int]:
    """Main VCPUs, one of I/O (with Cmax and period), its share, and whom it works for."""
    found = draw(sets(load))
    served = draw(st.integers(0, len(found) - 1))
    period = found[served].period
    share = Fraction(draw(st.integers(2**20, 2**31)), 2**32)
    share = max(share, Fraction(1, period))
    jobs = draw(vcpus(("wild",))).jobs
    return found, Vcpu(int(share * period), period, jobs, "io"), share, served


def run_with_io(
    jit: Jit, found: list[Vcpu], io: Vcpu, share: Fraction, served: int
) -> tuple[IoMetal, list[Slice]]:
    servers: list[Server] = [SporadicMetal(jit, *vcpu.task) for vcpu in found]
    server = IoMetal(jit, share, io.budget)
    _, slices = run(
        [*found[:served], io, *found[served:]], [*servers[:served], server, *servers[served:]]
    )
    return server, slices


@QUICK
@given(given=io_sets(1), length=st.integers(0, 200))
def test_io_keeps_to_its_share(
    jit: Jit, given: tuple[list[Vcpu], Vcpu, Fraction, int], length: int
) -> None:
    found, io, share, served = given
    server, slices = run_with_io(jit, found, io, share, served)
    total = usage(slices, served)
    for window in (io.period, io.budget + length):
        most = max((b - a for a, b in zip(total, total[window:], strict=False)), default=0)
        assert most <= most_of_io_in(window, share, io.budget, server.deferral)
    assert served > 0 or server.deferral == 0


@QUICK
@given(given=io_sets(0.2))
def test_io_breaks_no_promise(jit: Jit, given: tuple[list[Vcpu], Vcpu, Fraction, int]) -> None:
    found, io, share, served = given
    assume(is_below_bound([vcpu.task for vcpu in found], [share]))
    _, slices = run_with_io(jit, found, io, share, served)
    for who, vcpu in enumerate(found):
        total = usage(slices, who + (who >= served))
        if vcpu.kind == "sporadic":
            for (time, _), finish in zip(vcpu.jobs, finishes(vcpu, total), strict=False):
                assert finish - time <= vcpu.period
