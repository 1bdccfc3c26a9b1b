"""Every attack is contained or harms only the attacker, and is named rightly; nobody notices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from questv.attacks import interrupts
from questv.machine import WITHOUT_X2APIC, MachineKind
from questv.monitor.interface import CrashReason

from . import openings
from .cases import Case, cases, devices, memory
from .harness import Outcome, attack, orders, system

TOPICS = cases(system())
LIES = [case for case in TOPICS["peers"] if case.comes_back]
CASES = [case for made in TOPICS.values() for case in made if case not in LIES]
ON_A_PC = [
    *(case for case in TOPICS["devices"] if case.name.startswith("write port")),
    *memory.on_a_pc(),
    *devices.on_a_pc(),
]


def run(*chosen: Case, **options: object) -> Outcome:
    """The outcome of one case, or of several one after the other that all come back."""
    built = system()
    made = (orders(built, case.attack, case.target, case.value) for case in chosen)
    return attack(
        built,
        *made,
        endless=any(case.endless for case in chosen),
        opening=openings.NAMED.get(chosen[0].unguarded),
        **options,  # type: ignore[arg-type]
    )


def check(case: Case, outcome: Outcome) -> None:
    """Nothing escaped, and the attacker ended as it must."""
    assert outcome.escapes == []
    assert outcome.begun > 0
    assert outcome.state in case.states
    assert outcome.crash.reason == case.reason
    if case.address is not None:
        assert int(outcome.crash.address) == case.address
    if case.code is not None:
        assert int(outcome.crash.code) == case.code
    if case.reason == CrashReason.KERNEL_PANIC:
        assert outcome.panic_vector == (case.vector or 0)
    assert (outcome.returned == outcome.begun) == case.comes_back


BY_X2APIC = {interrupts.arm_timer, interrupts.raise_priority}
BY_X2APIC_WITH_OWN_HANDLERS = {interrupts.interrupt_self, interrupts.interrupt_self_for_ever}
"""Attacks by registers of the x2APIC that are the attacker's own, if there is one."""


def marked(chosen: list[Case]) -> list[object]:
    """Parameters, of which the rare ones take long."""
    marks = {True: [pytest.mark.long], False: []}
    return [pytest.param(case, id=case.name, marks=marks[case.rare]) for case in chosen]


@pytest.mark.parametrize("case", marked(CASES))
def test_contained(case: Case) -> None:
    check(case, run(case))


def test_lies_to_a_peer() -> None:
    """One after the other: none of them stops the sink, or the attacker."""
    outcome = run(*LIES)
    check(LIES[-1], outcome)
    assert outcome.begun == len(LIES)
    assert outcome.violations > 0


@pytest.mark.parametrize("case", ON_A_PC, ids=lambda case: case.name)
def test_contained_on_a_pc(case: Case) -> None:
    check(case, run(case, kind=MachineKind.Q35))


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_contained_without_an_x2apic(case: Case) -> None:
    if case.attack in BY_X2APIC:
        case = case.panics(13)
    elif case.attack in BY_X2APIC_WITH_OWN_HANDLERS:  # which are not made for exceptions
        case = replace(case, endless=False).stopped(CrashReason.SHUTDOWN)
    check(case, run(case, cpu=WITHOUT_X2APIC))
