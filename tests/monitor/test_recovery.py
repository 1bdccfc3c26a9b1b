"""Kernels that are restarted after a fault: what is repaired, recorded, limited, and left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.inspect.inspector import Inspector
from questv.inspect.model import CrashReport
from questv.monitor.interface import Action, CrashReason, SandboxState
from tests.inspect.machines import Copied, programs
from tests.running import Run, boot, sandbox_text, system_text, task_text

MS = 1_000_000
RECOVERY = """
[sandbox.recovery]
on_fault = "restart"
limit = {limit}
window = "{window}"
back_off = "{back_off}"
"""

TASKS = r"""
changed: u64 = static(7)
zeroed: Array[u64, 4] = static()

@metal
def fall() -> None:
    log(f"{changed} {zeroed[0]} {zeroed[3]}")
    sleep_until(now() + 1_000_000)

@task
def writes_outside() -> None:
    global changed
    fall()
    changed += 1
    zeroed[0] = 5
    zeroed[3] = 6
    Ptr[u64](0x123456)[0] = 1

@task
def panics() -> None:
    fall()
    panic("no more")

@task
def shuts_down() -> None:
    fall()
    asm("lidt [$0]\nud2", None, "r", addr(zeroed))

@task
def reads_msrs() -> None:
    fall()
    asm("mov ecx, 0xC0000080\nrdmsr", None, "~{rax},~{rcx},~{rdx}")

@task
def writes_ports() -> None:
    fall()
    asm("out 0x70, al", None, "")

@task
def executes_what_no_kernel_may() -> None:
    fall()
    asm("wbinvd", None, "")

@task
def calls_what_is_not_there() -> None:
    fall()
    asm("mov eax, 99\nvmmcall", None, "~{rax}")

@task
def sends_what_it_may_not() -> None:
    fall()
    asm("mov ecx, 0x830\nxor edx, edx\nmov eax, 0x500\nwrmsr", None, "~{rax},~{rcx},~{rdx}")

@task
def leaves_interrupts() -> None:
    "All vectors wait, those of exceptions too."
    fall()
    asm("cli", None, "~{memory}")
    for vector in range(u32(16), 256):
        asm("wrmsr", None, "{ecx},{eax},{edx}", u32(0x83F), vector, u32(0))
    panic("interrupts wait")

@task
def counts() -> None:
    for i in range(u64(30)):
        sleep_until(now() + 1_000_000)
    log("done")
"""


def recovery(limit: int = 3, window: str = "1 s", back_off: str = "10 us") -> str:
    return RECOVERY.format(limit=limit, window=window, back_off=back_off)


def run_with(folder: Path, task: str, keys: str = "", *, until: str = "other") -> Run:
    text = system_text(
        sandbox_text("victim", keys or recovery(), task_text(task)),
        sandbox_text("other", task_text("counts")),
        run=f'until = ["{until}"]',
    )
    return boot(folder, text, TASKS, deterministic=True)


def reports(run: Run) -> tuple[CrashReport, ...]:
    return Inspector(run.system.plan, programs(run.system), Copied(run)).crashes("victim")


FAULTS = {
    "writes_outside": CrashReason.KERNEL_PANIC,
    "panics": CrashReason.KERNEL_PANIC,
    "shuts_down": CrashReason.SHUTDOWN,
    "reads_msrs": CrashReason.MSR_READ,
    "writes_ports": CrashReason.PORT_WRITE,
    "executes_what_no_kernel_may": CrashReason.FORBIDDEN_INSTRUCTION,
    "calls_what_is_not_there": CrashReason.BAD_HYPERCALL,
    "sends_what_it_may_not": CrashReason.FORGED_DOORBELL,
    "leaves_interrupts": CrashReason.KERNEL_PANIC,
}


@pytest.mark.parametrize("task", FAULTS)
def test_each_fault_is_followed_by_a_kernel_as_new(tmp_path: Path, task: str) -> None:
    run = run_with(tmp_path, task)
    victim = run["victim"]
    assert [record.reason for record in victim.crashes] == [FAULTS[task]] * 4
    actions = [Action.RESTART] * 3 + [Action.STOP_STORM]
    assert [record.action for record in victim.crashes] == actions
    assert [int(record.incarnation) for record in victim.crashes] == [0, 1, 2, 3]
    assert int(victim.public.incarnation) == 3
    assert victim.state == SandboxState.CRASHED
    begun = [line for line in victim.lines if not line.startswith("panic")]
    assert begun == ["7 0 0"] * 4  # the console has the lines of all of them
    assert run["other"].state == SandboxState.FINISHED and run["other"].lines == ["done"]
    assert run["other"].crashes == []


def test_phases_follow_each_other(tmp_path: Path) -> None:
    run = run_with(tmp_path, "panics", recovery(back_off="50 us"))
    *restarted, last = reports(run)
    for number, crash in enumerate(restarted):
        moments = [
            crash.time,
            crash.decided,
            crash.waited,
            crash.restored,
            crash.entered,
            crash.started,
        ]
        known = [moment for moment in moments if moment is not None]
        assert len(known) == len(moments) and known == sorted(known)
        waited = known[2] - known[1]
        assert 50_000 << number <= waited < (50_000 << number) + 20_000
        assert known[3] - known[2] < 50_000
    assert last.waited is last.restored is last.entered is last.started is None


def test_a_record_keeps_what_the_kernel_said(tmp_path: Path) -> None:
    first, *_, last = reports(run_with(tmp_path, "panics"))
    for crash in (first, last):
        assert crash.panic is not None and crash.panic.reason == "no more"
        assert crash.task == "panics"
        names = [frame.function for frame in crash.panic.trace]
        assert names[0] == "panics" and names[-1] == "task_main"


def test_restarts_long_ago_do_not_count(tmp_path: Path) -> None:
    run = run_with(tmp_path, "panics", recovery(limit=1, window="900 us", back_off="10 us"))
    assert len(run["victim"].crashes) == 6 and int(run["victim"].public.incarnation) > 15
    assert run["victim"].state != SandboxState.CRASHED
    assert run["other"].state == SandboxState.FINISHED


def test_a_run_ends_while_a_kernel_waits_for_its_restart(tmp_path: Path) -> None:
    run = run_with(tmp_path, "panics", recovery(limit=1, window="5 s", back_off="4 s"))
    assert run["other"].state == SandboxState.FINISHED
    assert run["victim"].state == SandboxState.CUT_OFF
    assert run.exit is not None and run.exit.value == 0x10


def test_without_a_table_a_fault_stops_the_sandbox(tmp_path: Path) -> None:
    run = run_with(tmp_path, "panics", "# nothing")
    [record] = run["victim"].crashes
    assert record.action == Action.STOP and run["victim"].state == SandboxState.CRASHED


def test_the_run_waits_for_a_kernel_that_is_restarted(tmp_path: Path) -> None:
    """It ends when the victim is stopped for good, not at its first fault."""
    run = run_with(tmp_path, "panics", until="victim")
    assert run["victim"].state == SandboxState.CRASHED
    assert len(run["victim"].crashes) == 4
