"""Outcomes are told apart, and above all: an escape is found when there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from questv.arch.x86.svm import Vmcb
from questv.faults.laboratory import Injection, Laboratory
from questv.faults.model import Count, Fault, Kind, parse_fault, parse_when
from questv.faults.observation import Observation, Sandbox
from questv.faults.outcome import Outcome, Verdict, connected, judge
from questv.metal.structs import offsetof
from questv.monitor.interface import CrashReason, SandboxState
from questv.monitor.plan import MonitorPlan
from questv.plan.model import SandboxPlan

from .systems import bench, system

SUSPECT, PEER, LONER = "asker", "answerer", "loner"


# ---- holes, made on purpose: the injector writes where no fault of the sandbox could -------------


def through_a_hole(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch, address: int, bit: int = 1
) -> Verdict:
    """What is said of a fault in the suspect that flips a bit anywhere in physical memory."""
    monkeypatch.setattr(laboratory, "_check_address", lambda *_: None)
    fault = Fault(Kind.MEMORY_BIT, address=address & ~7, bits=(8 * (address & 7) + bit,))
    return laboratory.run(Injection(SUSPECT, fault, Count(800))).verdict


def plan_of(name: str) -> SandboxPlan:
    return system().plan.sandbox(name)


def variable(sandbox: str, symbol: str) -> int:
    return plan_of(sandbox).physical(system().kernels[sandbox].symbols.address(symbol))


def monitor_text(name: str) -> int:
    [text] = [window for window in plan_of(name).monitor_windows if window.name == "text"]
    return text.physical


PLACES: dict[str, Callable[[], int]] = {
    "text of the loner": lambda: variable(LONER, "tasks.alone"),
    "interrupt table of the peer": lambda: variable(PEER, "questv.kernel.tables.idt") + 16 * 200,
    "page tables of the peer": lambda: plan_of(PEER).kernel_tables + 8 * 300,
    "text of the own monitor": lambda: monitor_text(SUSPECT) + 0x400,
    "what the own monitor is told": lambda: (
        plan_of(SUSPECT).monitor_plan + offsetof(MonitorPlan, "doorbells") + 100
    ),
    "what the loner's monitor is told": lambda: (
        plan_of(LONER).monitor_plan + offsetof(MonitorPlan, "doorbells") + 100
    ),
    "the own nested tables": lambda: plan_of(SUSPECT).nested_tables + 8 * 400,
    "the own MSR map": lambda: plan_of(SUSPECT).msr_map + 100,
    "the peer's port map": lambda: plan_of(PEER).io_map + 100,
    "the own page tables of the monitor": lambda: plan_of(SUSPECT).monitor_tables + 8 * 77,
    "memory of the boot": lambda: system().plan.boot_machine + 8,
    "memory that nobody has": lambda: 0x9000,
    "the own control block": lambda: plan_of(SUSPECT).control + offsetof(Vmcb, "asid"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_changed_bit_of_somebody_else_is_an_escape(
    place: str, laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = through_a_hole(laboratory, monkeypatch, PLACES[place]())
    assert verdict.outcome is Outcome.ESCAPE
    assert verdict.reasons


@pytest.mark.parametrize(
    ("window", "offset", "reason"),
    [
        ("data", 8, "loner was stopped: kernel panic"),
        ("bss", 24, "the console of loner differs, and loner has nothing to do with it"),
    ],
)
def test_harm_to_another_kernel_is_an_escape(
    window: str,
    offset: int,
    reason: str,
    laboratory: Laboratory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its memory is its own to write, but what becomes of it shows."""
    [found] = [each for each in plan_of(LONER).kernel_windows if each.name == window]
    verdict = through_a_hole(laboratory, monkeypatch, found.physical + offset + 5, bit=4)
    assert verdict.outcome is Outcome.ESCAPE
    assert reason in verdict.reasons


def test_who_has_not_begun_when_the_run_ends_has_settled_nothing() -> None:
    """The run ends with the suspect, which crashes before the others have got so far."""
    with Laboratory(bench("asker")) as made:
        result = made.run(Injection(SUSPECT, parse_fault("instruction:0f0b"), Count(100)))
    assert result.observation.sandboxes[LONER].state != SandboxState.FINISHED
    assert result.verdict.outcome is Outcome.STOPPED


# ---- the same facts told apart, without a machine ------------------------------------------------


@pytest.fixture
def normal(laboratory: Laboratory) -> Observation:
    return laboratory.reference(SUSPECT).observation


def told(normal: Observation, **changed: Sandbox) -> Verdict:
    found = replace(normal, sandboxes={**normal.sandboxes, **changed})
    return judge(system().plan, SUSPECT, normal, found)


def test_no_effect(normal: Observation) -> None:
    assert told(normal) == Verdict(Outcome.NO_EFFECT, ())


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        (PEER, {"crash": CrashReason.SHUTDOWN}, "answerer was stopped: shutdown"),
        (LONER, {"crash": CrashReason.PORT_READ}, "loner was stopped: port read"),
        (PEER, {"ended": {"worker": 5}}, "process worker of answerer was ended"),
        (PEER, {"spurious": 1}, "answerer took 1 interrupts that nobody had sent"),
        (
            LONER,
            {"state": SandboxState.CUT_OFF},
            "loner, which has nothing to do with it, is cut off",
        ),
        (SUSPECT, {"state": SandboxState.MONITOR_FAULT}, "the monitor of asker stopped itself"),
    ],
)
def test_what_is_an_escape(
    normal: Observation, name: str, change: dict[str, object], reason: str
) -> None:
    sandbox = replace(normal.sandboxes[name], **change)  # type: ignore[arg-type]
    assert told(normal, **{name: sandbox}) == Verdict(Outcome.ESCAPE, (reason,))


def test_exits_of_others_and_the_end_of_the_machine_are_escapes(normal: Observation) -> None:
    peer = normal.sandboxes[PEER]
    more = replace(peer, exits={**peer.exits, "PORT": 2})
    assert told(normal, answerer=more).reasons == (
        "answerer was left 2 times for PORT, not 0 times",
    )
    reset = replace(normal, end="the guest reset the machine (a triple fault?)")
    assert judge(system().plan, SUSPECT, normal, reset) == Verdict(
        Outcome.ESCAPE,
        ("the machine ended otherwise: the guest reset the machine (a triple fault?)",),
    )


def test_a_peer_may_wait_for_what_does_not_come(normal: Observation) -> None:
    peer = replace(normal.sandboxes[PEER], state=SandboxState.CUT_OFF)
    assert told(normal, answerer=peer).outcome is Outcome.HANG
    stopped = replace(
        normal.sandboxes[SUSPECT],
        state=SandboxState.CRASHED,
        crash=CrashReason.KERNEL_PANIC,
        time=77,
    )
    verdict = told(normal, answerer=peer, asker=stopped)
    assert verdict == Verdict(Outcome.STOPPED, ("stopped by its monitor: kernel panic",), 77)


def test_a_clock_that_stands_still_is_no_harm_to_others(normal: Observation) -> None:
    """They have no time on a deterministic machine, and would have it on any other."""
    loner = replace(normal.sandboxes[LONER], state=SandboxState.ENTERED)
    sandboxes = {**normal.sandboxes, LONER: loner}
    verdict = judge(
        system().plan, SUSPECT, normal, replace(normal, stuck=True, sandboxes=sandboxes)
    )
    assert verdict.outcome is Outcome.HANG
    assert "the one clock stands still" in verdict.reasons[0]


def test_what_was_noticed_and_put_right_is_recovered(normal: Observation) -> None:
    found = replace(normal, violations={**normal.violations, (PEER, "there"): 1})
    assert judge(system().plan, SUSPECT, normal, found) == Verdict(
        Outcome.RECOVERED, ("answerer saw broken rules on channel there",)
    )


def test_wrong_outputs_are_silent_corruption_and_wrong_times_are_not(normal: Observation) -> None:
    sandbox = normal.sandboxes[SUSPECT]

    def saying(*lines: str) -> Sandbox:
        said = tuple(("ask", line) for line in lines)
        return replace(sandbox, output=replace(sandbox.output, lines=said))

    before = replace(normal, sandboxes={**normal.sandboxes, SUSPECT: saying("3 in 250 ns", "4")})
    assert told(before, asker=saying("3 in 1.5 ns", "4")).outcome is Outcome.LATE
    assert told(before, asker=saying("4 in 250 ns", "4")).outcome is Outcome.SILENT
    assert told(before, asker=saying("3 in 250 ns", "5")).outcome is Outcome.SILENT
    verdict = told(normal, asker=replace(sandbox, output=replace(sandbox.output, channels=(
        ("there", 7, 48), *sandbox.output.channels[1:])
    )))  # fmt: skip
    assert verdict.outcome is Outcome.SILENT
    assert verdict.reasons == ("asker counts 7 messages on channel there, not 6",)


def test_who_is_connected() -> None:
    assert connected(system().plan, SUSPECT) == {PEER}
    assert connected(system().plan, LONER) == set()


def test_the_changed_bytes_themselves_are_no_escape(laboratory: Laboratory) -> None:
    place = variable(SUSPECT, "tasks.ask")
    injection = Injection(SUSPECT, parse_fault(f"memory-bit:{place:#x}:3"), parse_when("9000000th"))
    assert laboratory.run(injection).verdict.outcome is Outcome.NEVER
    at_once = Injection(SUSPECT, parse_fault(f"memory-bit:{place:#x}:3"), parse_when("1st"))
    assert laboratory.run(at_once).verdict.outcome is not Outcome.ESCAPE
