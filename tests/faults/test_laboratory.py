"""Faults do what they say, when they say, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from questv.faults.laboratory import ACTIONS, Injection, Laboratory, Result
from questv.faults.model import FaultError, Kind, parse_fault, parse_when
from questv.faults.outcome import Outcome
from questv.monitor.interface import SandboxState

from .systems import bench, system

ASK = "tasks.ask"


def run(laboratory: Laboratory, fault: str, when: str, sandbox: str = "asker") -> Result:
    return laboratory.run(Injection(sandbox, parse_fault(fault), parse_when(when)))


def own(sandbox: str, symbol: str) -> int:
    address = system().kernels[sandbox].symbols.address(symbol)
    return system().plan.sandbox(sandbox).physical(address)


def test_without_a_fault_all_ends_well(laboratory: Laboratory) -> None:
    reference = laboratory.reference("asker")
    assert not reference.observation.late and reference.observation.end is None
    states = {each.state for each in reference.observation.sandboxes.values()}
    assert states == {SandboxState.FINISHED}
    lines = [text for _, text in reference.observation.sandboxes["asker"].output.lines]
    assert lines == ["1", "2", "3", "4", "5", "6"]
    assert 0 < reference.doorbell <= reference.instructions
    assert laboratory.reference("loner").doorbell == 0


def test_a_run_is_the_same_each_time(laboratory: Laboratory) -> None:
    first = run(laboratory, "register-bit:rsp:40", f"{ASK}+4")
    with Laboratory(bench()) as other:
        second = run(other, "register-bit:rsp:40", f"{ASK}+4")
    assert replace(first, observation=second.observation) == second
    assert list(first.observation.walls.changes(second.observation.walls)) == []
    assert first.observation.sandboxes == second.observation.sandboxes


def test_a_fault_that_changes_nothing_leaves_no_trace(laboratory: Laboratory) -> None:
    """Not even in time."""
    result = run(laboratory, f"memory-bit:{_free_word():#x}:5", "500th")
    assert result.verdict.outcome is Outcome.NO_EFFECT
    normal = laboratory.reference("asker").observation
    assert result.observation.sandboxes == normal.sandboxes


def _free_word() -> int:
    """Above what the task of the asker ever uses of its stack."""
    [task] = system().plan.sandbox("asker").tasks
    bottom = task.stack_top - task.stack_size
    return system().plan.sandbox("asker").physical(bottom)


@pytest.mark.parametrize(("when", "time"), [("400th", None), (f"{ASK}:1", None), ("37us", 37_000)])
def test_the_moment(laboratory: Laboratory, when: str, time: int | None) -> None:
    result = run(laboratory, "kill", when)
    assert result.time is not None
    if time is not None:
        assert time <= result.time < time + 2_000
    if when.startswith(ASK):
        assert result.place == ASK
        started = laboratory.reference("asker").observation
        assert started.sandboxes["asker"].state == SandboxState.FINISHED


def test_the_nth_passage_is_the_sandboxs_own(laboratory: Laboratory) -> None:
    """Both kernels have this function at the same address."""
    store = "questv.kernel.console.store"
    times = [run(laboratory, "stall:1us", f"{store}:{n}").time for n in (1, 2, 6)]
    assert None not in times and times == sorted(set(times))  # type: ignore[type-var]
    assert run(laboratory, "stall:1us", f"{store}:7").verdict.outcome is Outcome.NEVER
    assert run(laboratory, "kill", f"{store}:1", "answerer").verdict.outcome is Outcome.NEVER


def test_registers(laboratory: Laboratory) -> None:
    result = run(laboratory, "register-bits:rsp:3+40", f"{ASK}+4")
    assert int.from_bytes(result.before, "little") ^ int.from_bytes(result.after, "little") == (
        1 << 40 | 1 << 3
    )
    assert (result.region, result.verdict.outcome) == ("registers", Outcome.STOPPED)
    assert result.latency is not None and 0 < result.latency < 100_000


def test_rip(laboratory: Laboratory) -> None:
    result = run(laboratory, "register-bit:rip:46", ASK)
    assert result.verdict.outcome is Outcome.STOPPED


def test_the_interrupt_flag(laboratory: Laboratory) -> None:
    result = run(laboratory, "register-bit:if:0", f"{ASK}+4")
    assert int.from_bytes(result.before, "little") & 1 << 9
    assert not int.from_bytes(result.after, "little") & 1 << 9


def test_text(laboratory: Laboratory) -> None:
    """Code that was executed before is translated anew: a nop in the place of the first push."""
    address = own("asker", ASK)
    result = run(laboratory, f"memory-bits:{address:#x}:0+2", f"{ASK}:1")
    assert result.region == "text"
    assert result.before[0] ^ result.after[0] == 0b101
    assert result.verdict.outcome is not Outcome.ESCAPE


def test_an_instruction(laboratory: Laboratory) -> None:
    result = run(laboratory, "instruction:0f0b", f"{ASK}:1")
    assert result.after == b"\x0f\x0b"
    assert result.verdict.reasons == ("stopped by its monitor: kernel panic",)
    assert result.latency is not None and result.latency < 10_000
    forbidden = run(laboratory, "instruction:0f08", f"{ASK}:1")  # invd
    assert forbidden.verdict.reasons == ("stopped by its monitor: forbidden instruction",)


def test_a_killed_core(laboratory: Laboratory) -> None:
    result = run(laboratory, "kill", f"{ASK}:1")
    assert result.verdict.outcome is Outcome.HANG
    assert result.observation.sandboxes["asker"].state == SandboxState.STARTED
    assert result.observation.sandboxes["loner"].state == SandboxState.FINISHED


def test_a_stalled_core_goes_on_where_it_was(laboratory: Laboratory) -> None:
    result = run(laboratory, "stall:50us", f"{ASK}+4")
    normal = laboratory.reference("asker").observation.sandboxes["asker"]
    found = result.observation.sandboxes["asker"]
    assert found.output == normal.output
    assert result.verdict.outcome is Outcome.NO_EFFECT
    late = run(laboratory, "doorbell-delay:50us", "1st")
    assert late.observation.sandboxes["asker"].output == normal.output


def test_a_machine_whose_clock_stands_still(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as the host can tell: it is given up before it could end."""
    laboratory.reference("asker")
    monkeypatch.setattr("questv.faults.laboratory.PATIENCE", 0.0)
    result = run(laboratory, "kill", "1st")
    assert result.observation.stuck and result.observation.end is None


def test_doorbells(laboratory: Laboratory) -> None:
    assert run(laboratory, "doorbell-drop", "1st").verdict.outcome is Outcome.HANG
    for fault in ("doorbell-repeat", "doorbell-delay:100us"):
        result = run(laboratory, fault, "1st")
        assert result.region == "doorbells" and result.time is not None
        assert result.verdict.outcome is Outcome.NO_EFFECT, fault
    after = laboratory.reference("asker").doorbell + 1
    assert run(laboratory, "doorbell-drop", f"{after}th").verdict.outcome is Outcome.NEVER


def test_silent_corruption(laboratory: Laboratory) -> None:
    """The number in the console's line, when it is as good as written."""
    passage = "questv.kernel.console.store:2"
    found = {
        run(laboratory, f"register-bit:{register}:{bit}", passage).verdict.outcome
        for register, bit in (("rdi", 3), ("rdi", 4), ("rdi", 7))
    }
    assert Outcome.SILENT in found


# ---- what can't be asked for -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "when", "sandbox", "problem"),
    [
        ("kill", "1st", "askr", "test has no sandbox 'askr'"),
        ("kill", "tasks.answer", "asker", "'asker' executes nothing called 'tasks.answer'"),
        ("kill", "kernel_status", "asker", "'asker' executes nothing called 'kernel_status'"),
        ("kill", f"{ASK}+0x100000", "asker", f"0x100000 bytes after {ASK} there is no code"),
        ("memory-bit:0x1000:1", "1st", "asker", "0x1000 is no memory of 'asker'"),
    ],
)
def test_what_can_not_be(
    laboratory: Laboratory, fault: str, when: str, sandbox: str, problem: str
) -> None:
    with pytest.raises(FaultError) as raised:
        run(laboratory, fault, when, sandbox)
    assert raised.value.message.startswith(problem)
    assert raised.value.fix


def test_every_kind_is_handled() -> None:
    assert set(ACTIONS) == set(Kind)
