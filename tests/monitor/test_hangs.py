"""Kernels that hang: found by who watches them, judged by their own monitors, and repaired."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.monitor.interface import CrashReason, ExitReason, SandboxState
from tests.running import Run, boot, sandbox_text, system_text, task_text

MS = 1_000_000
RESTART = '[sandbox.recovery]\non_fault = "restart"\nback_off = "10 us"\n'

TASKS = r"""
from questv.kernel.heartbeats import Pulse
from questv.kernel.hypercall import Hypercall, hypercall
from questv.kernel.info import info

@task
def lives() -> None:
    sleep_until(now() + 30_000_000)
    log("done")

@task
def is_busy() -> None:
    until = now() + 30_000_000
    while now() < until:
        pass
    log("done")

@task
def hangs() -> None:
    log("begins")
    sleep_until(now() + 3_000_000)
    log(f"{now()}")
    asm("cli\n2: pause\njmp 2b", None, "")

@task
def halts() -> None:
    log("begins")
    sleep_until(now() + 3_000_000)
    log(f"{now()}")
    asm("cli\nhlt", None, "")

@task
def lies() -> None:
    "Its signs of life come from the future, and then it hangs."
    log("begins")
    sleep_until(now() + 3_000_000)
    Ptr[Pulse](info.heartbeat.pulse)[0].time.store(1 << 62, RELAXED)
    log(f"{now()}")
    asm("cli\n2: pause\njmp 2b", None, "")

@task
def accuses(core: u64) -> None:
    for i in range(u64(100)):
        hypercall(Hypercall.SUSPECT, core, 0)
        sleep_until(now() + 100_000)
    log("done")
"""


def beat(*watches: str, period: str = "1 ms", deadline: str = "3 ms") -> str:
    names = ", ".join(f'"{name}"' for name in watches)
    return (
        f'[sandbox.heartbeat]\nperiod = "{period}"\ndeadline = "{deadline}"\nwatches = [{names}]\n'
    )


def ran(folder: Path, victim: str, other: str = "", keys: str = RESTART) -> Run:
    text = system_text(
        sandbox_text("victim", keys, beat(), victim),
        sandbox_text("other", beat("victim"), other or task_text("lives")),
        run='until = ["other"]',
    )
    return boot(folder, text, TASKS, deterministic=True)


@pytest.mark.parametrize("task", ["hangs", "halts", "lies"])
def test_a_hang_with_interrupts_off_is_found_and_repaired(tmp_path: Path, task: str) -> None:
    """Within a deadline and a half after its last sign of life, and a little.

    A sign from the future is none, so it is suspected at once.
    """
    run = ran(tmp_path, task_text(task))
    victim = run["victim"]
    assert len(victim.crashes) == 4 and int(victim.public.incarnation) == 3
    hung = [int(line) for line in victim.lines if line != "begins"]
    for crash, since in zip(victim.crashes, hung, strict=True):
        assert (crash.reason, crash.exit) == (CrashReason.HANG, ExitReason.NMI)
        found = run.nanoseconds(int(crash.time))
        assert (0 if task == "lies" else 2 * MS) <= found - since <= 4.5 * MS + 20_000
    assert victim.lines.count("begins") == 4
    assert run["other"].state == SandboxState.FINISHED and run["other"].crashes == []


def test_who_hangs_is_stopped_where_nothing_else_was_declared(tmp_path: Path) -> None:
    run = ran(tmp_path, task_text("hangs"), keys="# nothing")
    assert run["victim"].state == SandboxState.CRASHED
    assert run["victim"].crash.reason == CrashReason.HANG
    # It was asked after once more, and then known to have ended.
    assert run["other"].after == {"HYPERCALL": 2}


@pytest.mark.parametrize("task", ["lives", "is_busy"])
def test_who_lives_is_not_suspected(tmp_path: Path, task: str) -> None:
    """Idle or busy for long, it shows that it lives; nobody has to ask a monitor."""
    run = ran(tmp_path, task_text(task))
    assert run["victim"].crashes == [] and run["victim"].after == run["other"].after == {}
    assert int(run["victim"].public.false_suspicions) == 0


def test_a_false_accusation_costs_a_look_now_and_then(tmp_path: Path) -> None:
    """It accuses a hundred times in 10 ms, and is heard once in each deadline of 3 ms."""
    run = ran(tmp_path, task_text("lives"), task_text("accuses", core=0))
    victim = run["victim"]
    assert victim.crashes == [] and victim.state != SandboxState.CRASHED
    assert victim.after == {"NMI": 4}
    assert int(victim.public.false_suspicions) == 4
    assert run["other"].after == {"HYPERCALL": 100}


@pytest.mark.parametrize("core", [1, 2, 63, 64, 1 << 40])
def test_who_accuses_others_than_it_watches_is_stopped(tmp_path: Path, core: int) -> None:
    run = ran(tmp_path, task_text("lives"), task_text("accuses", core=core))
    assert run["other"].state == SandboxState.CRASHED
    assert run["other"].crash.reason == CrashReason.BAD_HYPERCALL
    assert run["victim"].crashes == []


def test_both_can_watch_each_other(tmp_path: Path) -> None:
    text = system_text(
        sandbox_text("one", RESTART, beat("two"), task_text("hangs")),
        sandbox_text("two", RESTART, beat("one"), task_text("halts")),
        sandbox_text("three", task_text("lives")),
        run='until = ["three"]',
    )
    run = boot(tmp_path, text, TASKS, deterministic=True)
    assert run["three"].state == SandboxState.FINISHED
    for name in ("one", "two"):
        # While both hang nobody finds it; so the second is only found if the first was.
        assert all(record.reason == CrashReason.HANG for record in run[name].crashes)
