"""Kernels on cores whose time-stamp counters differ have one time, if the boot can see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.audit.control import check_control, fields
from questv.inspect.inspector import Inspector
from questv.metal.structs import sizeof
from questv.monitor.plan import MonitorPlan
from questv.plan import contents
from questv.plan.build import BuiltSystem, build
from questv.plan.model import Plan, SandboxPlan
from tests.running import (
    Run,
    ring_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    write_system,
)

TASKS = """
@task
def send(times: Sender) -> None:
    for i in range(u64(10)):
        sleep_until(10_000_000 + i * 100_000)
        Ptr[u64](times.reserve(8, FOREVER))[0] = now()
        times.commit()

@task
def receive(times: Receiver) -> None:
    for i in range(u64(10)):
        message = times.receive(FOREVER)
        came = now()
        sent = Ptr[Shared[u64]](message)[0].load(RELAXED)
        times.done()
        log(f"{i64(came - sent)}")
    nothing = times.receive(20_000_000)
    assert nothing.is_null()
    log(f"{i64(now() - 20_000_000)}")
    sleep_until(21_000_000)
    log(f"{i64(now() - 21_000_000)}")
"""
SECOND = 1_000_000_000


def built(folder: Path, monkeypatch: pytest.MonkeyPatch, **skews: int) -> BuiltSystem:
    """Two kernels, on cores whose counters are ahead by so many ticks, the first of them first."""
    original = contents.monitor_plan

    def monitor_plan(plan: Plan, sandbox: SandboxPlan) -> MonitorPlan:
        made = original(plan, sandbox)
        made.tsc_skew = skews.get(sandbox.name, 0) % (1 << 64)
        return made

    monkeypatch.setattr(contents, "monitor_plan", monitor_plan)
    text = system_text(
        sandbox_text("one", task_text("send")),
        sandbox_text("two", task_text("receive")),
        ring_text("times", "one", "two"),
    )
    return build(write_system(folder, text, TASKS))


def run(system: BuiltSystem, folder: Path) -> tuple[Run, list[int]]:
    done = run_system(system, folder, deterministic=True)
    assert done.exit is not None and done.exit.value == 0x10, (done.exit, done.serial)
    return done, [int(line) for line in done["two"].lines]


def inspector(done: Run) -> Inspector:
    class Memory:
        def read(self, address: int, length: int) -> bytes:
            return done.memory(address, length)

    return Inspector(done.system.plan, {}, Memory())


def monitor(done: Run, sandbox: str) -> MonitorPlan:
    at = done.system.plan.sandbox(sandbox).monitor_plan
    return MonitorPlan.view(done.memory(at, sizeof(MonitorPlan)))


def offset_in_force(done: Run, sandbox: str) -> int:
    """What the processor adds to the counter for a sandbox."""
    block = done.memory(done.system.plan.sandbox(sandbox).control, 4096)
    return int.from_bytes(block[0x50:0x58], "little", signed=True)


def audited(done: Run, sandbox: str) -> list[str]:
    """What the audit says of the control block's counter."""
    plan = done.system.plan.sandbox(sandbox)
    told = monitor(done, sandbox)
    wanted = fields((plan.nested_tables,), plan.msr_map, plan.io_map, clock=int(told.tsc_offset))
    block = done.memory(plan.control, 4096)
    return [each.message for each in check_control(sandbox, block, plan.control, wanted)]


def test_counters_that_agree_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, times = run(built(tmp_path, monkeypatch), tmp_path)
    assert all(0 < time < 1000 for time in times), times
    for name in ("one", "two"):
        assert int(monitor(done, name).tsc_offset) == offset_in_force(done, name) == 0
        assert audited(done, name) == []
    assert int(monitor(done, "one").tsc_error) == 0
    assert 0 < int(monitor(done, "two").tsc_error) < 100


@pytest.mark.parametrize("skew", [5 * SECOND, 150, -200, -3 * SECOND], ids=str)
def test_a_skew_that_the_boot_sees_is_set_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew: int
) -> None:
    """Messages, deadlines and sleeps come when they should, within the error that is known."""
    done, times = run(built(tmp_path, monkeypatch, two=skew), tmp_path)
    told = monitor(done, "two")
    error = int(told.tsc_error)
    assert 0 < error < 100
    assert abs(int(told.tsc_offset) - skew) <= error
    assert abs(offset_in_force(done, "two")) <= error
    assert all(-error < time < 1000 + error for time in times), times
    report = inspector(done).sandboxes()[1]
    assert report.clock_offset == pytest.approx(int(told.tsc_offset), rel=1e-3, abs=1)
    assert report.clock_error == pytest.approx(error, abs=1)
    assert abs(int(done["two"].public.entered) - int(done["one"].public.entered)) < SECOND


def test_a_skew_within_the_error_is_no_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, _ = run(built(tmp_path, monkeypatch, two=10), tmp_path)
    assert int(monitor(done, "two").tsc_offset) == 0


@pytest.mark.parametrize("skew", [2_000_000, -2_000_000], ids=str)
def test_a_skew_that_nobody_sees_shows_in_messages_and_in_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew: int
) -> None:
    """That of the core that booted, by which all others are measured."""
    done, times = run(built(tmp_path, monkeypatch, one=skew), tmp_path)
    assert offset_in_force(done, "one") == skew
    assert all(abs(time + skew) < 1000 for time in times[:10]), "messages seem old, or not yet sent"
    assert all(0 < time < 1000 for time in times[10:]), "the other kernel's own time is right"
    assert len(audited(done, "one")) == 1
    assert "offset of the time-stamp counter" in audited(done, "one")[0]
    assert audited(done, "two") == []
