from __future__ import annotations

from pathlib import Path

import pytest

from questv.channel import four_slot
from questv.channel.ring import Consumer, Producer
from questv.inspect.inspector import Inspector
from questv.inspect.model import AskedMachine, Snapshot
from questv.kernel.channels import Reader, Receiver, Sender, Writer
from questv.kernel.doorbells import Wait, WaitState
from questv.kernel.status import EndStatus, KernelStatus
from questv.kernel.tasksets import TaskSet
from questv.machine import MachineKind

from .machines import HELLO, Sheet, built, plan_of, programs, ran

THERMOSTAT = HELLO.parent / "thermostat"

ASKED = AskedMachine(
    kind="microvm",
    cores=2,
    memory=16 << 20,
    deterministic=True,
    run_for=None,
    x2apic="preferred",
    interrupts={"ping": "guarded", "pong": "guarded"},
)


def test_a_machine_that_has_run(tmp_path: Path) -> None:
    inspector = ran(HELLO, tmp_path, deterministic=True)
    snapshot = inspector.snapshot(ASKED)
    found = snapshot.machine.found
    assert found is not None and found.cores == 2
    assert found.tsc_frequency == pytest.approx(1_000_000_000, rel=1e-3)
    ping, pong = snapshot.sandboxes
    assert (ping.name, ping.core, ping.interrupts, ping.state) == ("ping", 0, "guarded", "finished")
    assert (pong.name, pong.core, pong.state, pong.crash) == ("pong", 1, "finished", None)
    assert ping.entered is not None and ping.started is not None and ping.ended is not None
    assert 0 < ping.entered < ping.started < ping.ended
    assert ping.exits.before["hypercall"] >= 1
    if found.x2apic:
        assert {name for name, count in ping.exits.after.items() if count} == {"doorbell"}
    task = ping.tasks[0]
    assert (task.name, task.function, task.state) == ("ping", "tasks:ping", "finished")
    assert task.waits_for is None
    there, back = snapshot.channels
    assert (there.name, there.kind) == ("there", "ring")
    assert (there.sender.sandbox, there.receiver.sandbox) == ("ping", "pong")
    for end in (there.sender, there.receiver, back.sender, back.receiver):
        assert (end.messages, end.bytes, end.violations) == (10, 80, 0)
    assert there.sender.rung == there.receiver.woken + there.receiver.late
    assert pong.doorbells == there.sender.rung
    lines = inspector.console("ping").lines
    assert [line.number for line in lines] == list(range(1, 11))
    assert lines[0].text.startswith("round 0: 1 after ") and lines[0].task == "ping"
    assert ping.started < (lines[0].time or 0) < ping.ended
    assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot


def test_a_machine_without_an_x2apic(tmp_path: Path) -> None:
    inspector = ran(HELLO, tmp_path, cpu="EPYC,+svm,+npt")
    found = inspector.found()
    assert found is not None and not found.x2apic
    exits = [sandbox.exits.after for sandbox in inspector.sandboxes()]
    assert any(each["apic"] for each in exits)


def test_on_q35(tmp_path: Path) -> None:
    inspector = ran(HELLO, tmp_path, kind=MachineKind.Q35)
    assert [sandbox.state for sandbox in inspector.sandboxes()] == ["finished", "finished"]


def test_before_the_boot() -> None:
    inspector = Inspector(plan_of(HELLO), programs(built(HELLO)), Sheet())
    snapshot = inspector.snapshot(ASKED)
    assert snapshot.machine.found is None
    for sandbox in snapshot.sandboxes:
        assert (sandbox.state, sandbox.entered, sandbox.ended) == ("empty", None, None)
        assert [task.state for task in sandbox.tasks] == ["not begun"]
    assert inspector.console("pong").lines == ()
    assert snapshot.crashed == ()


FIRST = TaskSet(words=[1, 0])
"""The task with index 0 alone."""


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (KernelStatus(started=1, ready=FIRST, running=0), "running"),
        (KernelStatus(started=1, ready=FIRST, running=1), "ready"),
        (KernelStatus(started=1), "sleeping"),
        (KernelStatus(started=1, finished=FIRST), "finished"),
        (KernelStatus(ready=FIRST), "not begun"),
    ],
)
def test_states_of_a_task(status: KernelStatus, state: str) -> None:
    plan = plan_of(HELLO)
    ping = plan.sandbox("ping")
    sheet = Sheet()
    sheet.put(ping.physical(ping.status), status)
    report = Inspector(plan, programs(built(HELLO)), sheet).sandboxes()[0]
    assert report.tasks[0].state == state
    assert report.tasks[0].waits_for is None


@pytest.mark.parametrize(
    ("role", "made"),
    [
        ("sender", Sender(wait=Wait(state=WaitState.ASLEEP, counters=EndStatus(rung=7)))),
        ("receiver", Receiver(wait=Wait(state=WaitState.ASLEEP, counters=EndStatus(late=7)))),
    ],
)
def test_a_task_that_waits(role: str, made: Sender | Receiver) -> None:
    plan = plan_of(HELLO)
    ping = plan.sandbox("ping")
    end = next(end for end in ping.ends if end.role == role)
    sheet = Sheet()
    sheet.put(ping.physical(ping.status), KernelStatus(started=1))
    sheet.put(ping.physical(end.object), made)
    inspector = Inspector(plan, programs(built(HELLO)), sheet)
    task = inspector.sandboxes()[0].tasks[0]
    assert (task.state, task.waits_for) == ("waiting", end.channel)
    channel = next(each for each in inspector.channels() if each.name == end.channel)
    counted = channel.sender if role == "sender" else channel.receiver
    assert (counted.rung, counted.late) == ((7, 0) if role == "sender" else (0, 7))


def test_a_task_that_has_only_announced_its_sleep_does_not_wait() -> None:
    plan = plan_of(HELLO)
    ping = plan.sandbox("ping")
    sheet = Sheet()
    sheet.put(ping.physical(ping.status), KernelStatus(started=1, ready=FIRST, running=0))
    announced = Sender(wait=Wait(state=WaitState.ASLEEP))
    sheet.put(ping.physical(ping.ends[0].object), announced)
    task = Inspector(plan, programs(built(HELLO)), sheet).sandboxes()[0].tasks[0]
    assert (task.state, task.waits_for) == ("running", None)


def test_bytes_of_a_register_are_those_of_its_values() -> None:
    plan = plan_of(THERMOSTAT)
    channel = next(each for each in plan.channels if each.kind == "four-slot")
    sheet = Sheet()
    for sandbox, made in (
        (channel.sender, Writer(writer=four_slot.Writer(size=32))),
        (channel.receiver, Reader(reader=four_slot.Reader(size=32))),
    ):
        made.wait.counters.messages = 3
        end = next(end for end in plan.sandbox(sandbox).ends if end.channel == channel.name)
        sheet.put(plan.sandbox(sandbox).physical(end.object), made)
    reports = Inspector(plan, programs(built(THERMOSTAT)), sheet).channels()
    found = next(each for each in reports if each.name == channel.name)
    for report in (found.sender, found.receiver):
        assert (report.messages, report.bytes) == (3, 96)


def test_bytes_of_a_ring_are_those_of_its_messages() -> None:
    plan = plan_of(HELLO)
    ping, pong = plan.sandboxes
    sheet = Sheet()
    # Both were read while a message was counted that takes 40 bytes with its header.
    before, between = EndStatus(messages=1, bytes=16 + 40), EndStatus(messages=1)
    sheet.put(ping.physical(ping.ends[0].object), Sender(wait=Wait(counters=before)))
    sheet.put(pong.physical(pong.ends[0].object), Receiver(wait=Wait(counters=between)))
    there, _ = Inspector(plan, programs(built(HELLO)), sheet).channels()
    assert (there.sender.bytes, there.receiver.bytes) == (48, 0)


def test_restarts_of_the_other_end_are_counted() -> None:
    plan = plan_of(HELLO)
    ping = plan.sandbox("ping")
    sheet = Sheet()
    sender = Sender(wait=Wait(counters=EndStatus(resets=2)))
    sheet.put(ping.physical(ping.ends[0].object), sender)
    there, _ = Inspector(plan, programs(built(HELLO)), sheet).channels()
    assert (there.sender.resets, there.receiver.resets) == (2, 0)


def test_broken_rules_of_the_other_end_are_counted() -> None:
    plan = plan_of(HELLO)
    ping, pong = plan.sandboxes
    sheet = Sheet()
    for sandbox, end, made in (
        (ping, ping.ends[0], Sender(producer=Producer(violations=3))),
        (pong, pong.ends[0], Receiver(consumer=Consumer(violations=4))),
    ):
        sheet.put(sandbox.physical(end.object), made)
    there, back = Inspector(plan, programs(built(HELLO)), sheet).channels()
    assert (there.sender.violations, there.receiver.violations) == (3, 4)
    assert (back.sender.violations, back.receiver.violations) == (0, 0)


def test_an_unknown_sandbox() -> None:
    inspector = Inspector(plan_of(HELLO), programs(built(HELLO)), Sheet())
    with pytest.raises(KeyError, match="nobody"):
        inspector.console("nobody")
