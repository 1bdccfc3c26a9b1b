"""Many servers on one core: what they promise to each other, and that the kernel's keep it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from questv.metal.jit import Jit
from tests.kernel.models.scheduling import (
    Client,
    Server,
    Slice,
    most_in,
    simulate,
    usage,
)

from .adapters import SporadicMetal, SporadicModel

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


@QUICK
@given(found=sets(1), late=LATE)
def test_the_kernels_servers_schedule_as_the_models_do(
    jit: Jit, found: list[Vcpu], late: list[int]
) -> None:
    _, _, expected = run_models(found, late)
    _, slices = run(found, [SporadicMetal(jit, *vcpu.task) for vcpu in found], late)
    assert slices == expected


@pytest.mark.long
@settings(LONG)
@given(found=sets(1), late=LATE)
def test_the_kernels_servers_schedule_as_the_models_do_for_longer(
    jit: Jit, found: list[Vcpu], late: list[int]
) -> None:
    _, _, expected = run_models(found, late)
    _, slices = run(found, [SporadicMetal(jit, *vcpu.task) for vcpu in found], late)
    assert slices == expected


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
