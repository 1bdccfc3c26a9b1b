"""The platform's self-test: it holds on this QEMU, and it can fail."""

from __future__ import annotations

import json

import pytest

from questv.machine import MachineKind, find_qemu
from questv.monitor import svm
from questv.probes import run
from questv.probes.catalogue import PROBES, Apic, Before
from questv.probes.run import Finding, Platform, State, platforms, probe_machine
from questv.probes.support import PAGE, page
from tests.cli.conftest import questv as questv  # the fixture
from tests.cli.typed import Questv

FAILING = {
    "FERR_FREEZE",
    "an INIT ends the guest",
    *(
        f"a {verb} is denied with {high} in the upper half of rcx"
        for verb in ("read", "write")
        for high in (1, 2, 3)
    ),
}
"""What does not hold on QEMU, as far as is known."""

UNTESTABLE = {"#AC, in ring 3", "#MC"}

# Where these guests end does not depend on what they are allowed: QEMU ends every guest at a triple
# fault, and a processor without an x2APIC refuses its mode to everybody.
ALWAYS = {"SHUTDOWN, after a triple fault", "x2APIC mode can't be set where there is none"}


@pytest.fixture(scope="module")
def found() -> list[Platform]:
    return list(platforms())


def test_every_kind_of_machine_is_probed(found: list[Platform]) -> None:
    kinds = [(platform.kind, platform.x2apic) for platform in found]
    x2apic = [True, False] if find_qemu().has_x2apic else [False]
    assert kinds == [(kind, has) for kind in MachineKind for has in x2apic]
    for platform in found:
        assert tuple(finding.probe for finding in platform.findings) == PROBES
        assert platform.facts["x2APIC"] == platform.x2apic


def test_all_that_is_needed_holds(found: list[Platform]) -> None:
    for platform in found:
        assert platform.broken == []
        for finding in platform.findings:
            name = finding.probe.name
            match finding.state:
                case State.FAILS:
                    assert name in FAILING, (platform.name, finding)
                case State.UNTESTABLE:
                    assert name in UNTESTABLE, (platform.name, finding)
                case State.ELSEWHERE:
                    wanted = Apic.XAPIC if platform.x2apic else Apic.X2APIC
                    assert finding.probe.apic is wanted


def test_each_probe_can_fail() -> None:
    """Guests that are held badly: what has to be stopped passes, and the reverse."""
    weak = probe_machine(MachineKind.MICROVM, False, weak=True, patience=2)
    for finding in weak.findings:
        if finding.state not in (State.ELSEWHERE, State.UNTESTABLE):
            assert (finding.state is State.HOLDS) == (finding.probe.name in ALWAYS), finding
    assert len(weak.broken) > len(PROBES) // 2


def test_probes_of_an_x2apic_can_fail() -> None:
    if not find_qemu().has_x2apic:
        pytest.skip("this QEMU has no x2APIC")
    weak = probe_machine(MachineKind.MICROVM, True, weak=True, patience=2)
    own = [finding for finding in weak.findings if finding.probe.apic is Apic.X2APIC]
    assert own and all(finding.state is State.FAILS for finding in own)


def test_a_probe_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has no patience at all takes every probe for one that hangs."""
    monkeypatch.setattr(run, "PROBES", PROBES[:1])
    platform = probe_machine(MachineKind.MICROVM, False, patience=0.0)
    assert platform.findings == (Finding(PROBES[0], State.FAILS, "it never ended"),)


def test_every_intercept_of_the_monitor_has_a_probe() -> None:
    probed = {probe.exit.name for probe in PROBES}
    flags = [*svm.Intercept3(svm.INTERCEPTS3), *svm.Intercept4(svm.INTERCEPTS4)]
    assert len(flags) > 20
    # The armed form is for a processor whose MWAIT would wait.
    assert {str(flag.name) for flag in flags} - {"MWAIT_ARMED"} <= probed


def test_names_are_unique() -> None:
    names = [(probe.group, probe.name) for probe in PROBES]
    assert len(set(names)) == len(names)


def test_what_may_leave_no_way_back_comes_last() -> None:
    assert [probe.before for probe in PROBES[-2:]] == [Before.SEND_SMI, Before.SEND_INIT]


# ---- what people are shown ---------------------------------------------------------------------


def test_the_command(questv: Questv, found: list[Platform]) -> None:
    said = questv("doctor", "--machine")
    assert (said.code, said.err) == (0, "")
    assert "what isolation rests on holds, but for what is known" in said.out
    assert "interrupts: an INIT ends the guest: it started the processor again" in said.out
    answer = questv("doctor", "--machine", "--json").json
    assert answer["machines"] == json.loads(json.dumps([each.to_json() for each in found]))


def test_the_command_fails_if_a_wall_has_a_hole(
    questv: Questv, found: list[Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = found[0]
    holes = tuple(
        Finding(each.probe, State.FAILS, "exit 0x81 (0x0, 0x0) at 0x8000")
        if each.probe.name == "INVD"
        else each
        for each in first.findings
    )
    broken = Platform(first.kind, first.x2apic, holes, first.facts)
    monkeypatch.setattr(run, "platforms", lambda qemu: [broken, *found[1:]])
    said = questv("doctor", "--machine")
    assert (said.code, said.err) == (1, "")
    assert "1 probe that isolation rests on did not hold" in said.out
    assert f"intercepts: INVD ({first.name}): exit 0x81" in said.out
    assert questv("doctor", "--machine", "--json").code == 1


def test_there_is_no_qemu(questv: Questv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUESTV_QEMU", "no-such-program")
    said = questv("doctor", "--machine")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: QUESTV_QEMU names no-such-program, which is not a program")


def test_the_page_is_current(found: list[Platform]) -> None:
    """Of other QEMUs than the page's, only what is probed has to be the same."""
    text = PAGE.read_text(encoding="utf-8")
    for probe in PROBES:
        assert f"\n| {probe.name} | " in text, "run: python -m questv.probes.support"
    qemu = find_qemu()
    if f"QEMU {'.'.join(map(str, qemu.version))}**" in text:
        assert text == page(qemu, found), "run: python -m questv.probes.support"


def test_the_page_is_in_the_documentation() -> None:
    assert "docs/support.md" in (PAGE.parent.parent / "README.md").read_text()
