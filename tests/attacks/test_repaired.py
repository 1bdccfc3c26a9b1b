"""The battery again, against a kernel that is restarted: contained, and repaired as declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from questv.monitor.interface import Action, CrashReason, SandboxState

from . import openings
from .cases import Case, cases
from .harness import Outcome, attack, orders, system

STOPPED = [
    case
    for made in cases(system()).values()
    for case in made
    if case.states == {SandboxState.CRASHED} and not case.comes_back
]
OTHERS = [case for made in cases(system()).values() for case in made if case not in STOPPED]


def run(case: Case) -> Outcome:
    built = system(repaired=True)
    return attack(
        built,
        orders(built, case.attack, case.target, case.value),
        endless=case.endless,
        opening=openings.NAMED.get(case.unguarded),
    )


def firsts() -> set[str]:
    """The first case of each reason to be stopped, which is tried each time."""
    names: dict[object, str] = {}
    for case in STOPPED:
        if not case.rare and not case.endless:
            names.setdefault((case.reason, case.vector), case.name)
    return set(names.values())


FIRSTS = firsts()


def marked(chosen: list[Case]) -> list[object]:
    return [
        pytest.param(case, id=case.name, marks=[] if case.name in FIRSTS else [pytest.mark.long])
        for case in chosen
    ]


@pytest.mark.parametrize("case", marked(STOPPED))
def test_contained_and_repaired(case: Case) -> None:
    """It is restarted as new, does it again, and then is stopped, as it was too often."""
    outcome = run(case)
    assert outcome.escapes == []
    assert [record.reason for record in outcome.crashes] == [case.reason] * 2
    assert [record.action for record in outcome.crashes] == [Action.RESTART, Action.STOP_STORM]
    assert [int(record.incarnation) for record in outcome.crashes] == [0, 1]
    assert outcome.state == SandboxState.CRASHED
    if case.reason == CrashReason.KERNEL_PANIC:
        assert outcome.panic_vector == (case.vector or 0)
    else:
        first, second = outcome.crashes
        assert first.code == second.code


@pytest.mark.long
@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.name)
def test_who_is_not_stopped_is_not_restarted(case: Case) -> None:
    outcome = run(replace(case))
    assert outcome.escapes == []
    assert outcome.state in case.states
