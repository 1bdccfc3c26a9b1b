"""Sandboxes that fail over: who takes the service over, when, with what, and who may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.audit.auditor import Auditor
from questv.inspect.inspector import Inspector
from questv.inspect.model import FAIL_OVER as FAILED_OVER
from questv.monitor.interface import Action, CrashReason, SandboxState
from questv.plan.build import build
from questv.view.crash import crash_view
from tests.audit.subjects import subject
from tests.inspect.machines import Copied, programs
from tests.running import (
    Run,
    four_slot_text,
    ring_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    write_system,
)
from tests.view.rendering import plain

from .test_recovery import FAULTS
from .test_recovery import TASKS as FAULTY

FAIL_OVER = '[sandbox.recovery]\non_fault = "fail-over"\nto = "standby"\n'
RESTART = '[sandbox.recovery]\non_fault = "restart"\n'
MS = 1_000_000

TASKS = r"""
from questv.kernel import takeover
from questv.kernel.hypercall import hypercall
from questv.monitor.interface import Hypercall

class Count(State, version=1):
    calls: u64

class Other(State, version=2):
    calls: u64

@task
def dies(requests: Receiver, answers: Sender, value: Writer, count: Count) -> None:
    serve(requests, answers, value, count, 3)
    panic("no more")

@metal
def serve(
    requests: Receiver, answers: Sender, value: Writer, count: Count, last: u64
) -> None:
    log(f"serves {u64(count.restored())} {count.calls}")
    number: u64 = 0
    while number != last:
        requests.read(Ptr[u8](addr(number)), 8, FOREVER)
        if number == last and last == 3:
            return
        count.calls += 1
        count.save()
        Ptr[u64](value.begin(8))[0] = number + 100
        value.publish()
        answers.send(Ptr[u8](addr(number)), 8, FOREVER)
    log(f"served {count.calls}")

@task
def serves(requests: Receiver, answers: Sender, value: Writer, count: Count) -> None:
    serve(requests, answers, value, count, 5)

@task
def asks(requests: Sender, answers: Receiver, value: Reader) -> None:
    for i in range(u64(1), 6):
        number: u64 = i
        requests.send(Ptr[u8](addr(number)), 8, FOREVER)
        while answers.read(Ptr[u8](addr(number)), 8, now() + 3_000_000) == NOTHING:
            log(f"again {number}")
            requests.send(Ptr[u8](addr(number)), 8, FOREVER)
        log(f"{number}")
    newest = Ptr[Shared[u64]](value.newest(8))[0].load(RELAXED)
    log(f"{newest}")

@task
def stands_by() -> None:
    log("stands in")

@task
def touches_too_early(requests: Receiver) -> None:
    log("never")

@task
def asks_too_early() -> None:
    hypercall(Hypercall.TAKE_OVER, 0, 0)
    log("never")

@task
def asks_twice() -> None:
    hypercall(Hypercall.TAKE_OVER, 0, 0)
    log("never")

@task
def ends() -> None:
    pass

@task
def looks(at: u64) -> None:
    log(f"{Ptr[u64](at)[0]}")

@periodic
def works() -> None:
    burn(8_000)

@metal
def burn(instructions: u64) -> None:
    asm("2: sub $0, 2; ja 2b", u64, "=r,0", instructions)

@task
def dies_once() -> None:
    if incarnation.number == 0:
        sleep_until(now() + 5_000_000)
        panic("once")

@task
def dies_at_once() -> None:
    panic("at once")

@task
def fails_to_start() -> None:
    if incarnation.number == 0:
        panic("once")
"""
HEAD = "from questv.kernel import incarnation\n"


def booted(folder: Path, text: str, **options: object) -> Run:
    system = build(write_system(folder, text, HEAD + FAULTY + TASKS))
    run = run_system(system, folder, deterministic=True, **options)  # type: ignore[arg-type]
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


def pair(failing: str, *standby: str, keys: str = "") -> str:
    """A sandbox that fails, one that stands by, and one for whose end the run waits."""
    return system_text(
        sandbox_text("comms", FAIL_OVER, failing),
        sandbox_text("standby", keys, *standby),
        sandbox_text("other", task_text("counts")),
        run='until = ["other"]',
    )


def stand_in(function: str, original: str, priority: int = 2, **bind: str) -> str:
    return task_text(function, priority, keys=f'stands_in_for = "comms.{original}"', **bind)


@pytest.mark.parametrize("task", FAULTS)
def test_after_each_fault_the_standby_goes_on(tmp_path: Path, task: str) -> None:
    run = booted(tmp_path, pair(task_text(task), stand_in("stands_by", task.replace("_", "-"))))
    comms, standby = run["comms"], run["standby"]
    [record] = comms.crashes
    assert (record.reason, record.action) == (FAULTS[task], Action.FAIL_OVER)
    assert comms.state == SandboxState.RELEASED and int(comms.public.incarnation) == 0
    assert standby.lines == ["stands in"] and standby.crashes == []
    moments = [
        *(int(record.time), int(record.decided), int(comms.public.ended)),
        *(int(standby.public.took_over), int(standby.status.took_over)),
        int(standby.status.stood_in),
    ]
    assert moments == sorted(moments)
    assert run.nanoseconds(moments[-1]) - run.nanoseconds(moments[2]) < 20_000


def served(folder: Path, *, keys: str = "") -> Run:
    ends = {"requests": "requests", "answers": "answers", "value": "value"}
    text = system_text(
        sandbox_text("comms", FAIL_OVER, task_text("dies", **ends)),
        sandbox_text("standby", keys, stand_in("serves", "dies", **ends), task_text("counts")),
        sandbox_text("peer", task_text("asks", **ends)),
        ring_text("requests", "peer", "comms"),
        ring_text("answers", "comms", "peer"),
        four_slot_text("value", "comms", "peer", 8),
        run='until = ["peer", "standby"]',
    )
    return booted(folder, text)


def test_messages_of_peers_go_to_the_standby_and_what_survives_is_there(tmp_path: Path) -> None:
    run = served(tmp_path)
    assert run["comms"].state == SandboxState.RELEASED
    assert run["standby"].lines == ["serves 1 2", "served 5", "done"]
    lines = run["peer"].lines
    # The request at which it died is lost, and what was sent before the sender has learnt of that.
    assert 1 <= lines.count("again 3") <= 2
    assert [line for line in lines if line != "again 3"] == ["1", "2", "3", "4", "5", "105"]
    ends = run["peer"].ends
    assert all(int(ends[name].resets) == 1 for name in ("requests", "answers"))
    # Both sides sleep, and ring each other where they are by now.
    assert int(run["standby"].ends["requests"].woken) > 1 and int(ends["answers"].woken) > 3


def test_a_report_says_who_has_taken_over_and_when(tmp_path: Path) -> None:
    run = served(tmp_path)
    inspector = Inspector(run.system.plan, programs(run.system), Copied(run))
    [crash] = inspector.crashes("comms")
    told = crash.fail_over
    assert crash.action == FAILED_OVER and crash.is_repaired and told is not None
    assert told.to == "standby"
    moments = [crash.time, crash.decided, told.released, told.taken_over, told.served]
    known = [moment for moment in moments if moment is not None]
    assert len(known) == len(moments) and known == sorted(known)
    assert crash.panic is not None and crash.panic.reason == "no more"
    shown = plain(crash_view("comms", crash))
    assert "failed over to standby: decided " in shown and ", first call " in shown


def test_an_audit_knows_both_views(tmp_path: Path) -> None:
    run = served(tmp_path)
    audit = Auditor(subject(run.system), Copied(run), live=True).audit()
    assert audit.verdict == "proven", audit.violations


def test_the_standbys_own_work_misses_no_deadline(tmp_path: Path) -> None:
    text = system_text(
        sandbox_text(
            "comms", FAIL_OVER, timed_text("works", "100 us", "30 us"), task_text("dies_once")
        ),
        sandbox_text(
            "standby",
            timed_text("works", "100 us", "30 us", name="own"),
            timed_text(
                "works", "100 us", "30 us", name="spare", keys='stands_in_for = "comms.works"'
            ),
            task_text("counts"),
        ),
        sandbox_text("other", task_text("counts")),
        run='until = ["other"]',
    )
    run = booted(tmp_path, text)
    status = run["standby"].status
    tasks = {
        task.name: index for index, task in enumerate(run.system.plan.sandbox("standby").tasks)
    }
    own, spare = (status.tasks[tasks[name]] for name in ("own", "spare"))
    assert int(own.releases) > 290 and 200 < int(spare.releases) < 280
    assert int(own.misses) == int(own.dropped) == int(spare.misses) == int(spare.dropped) == 0


def test_who_asks_too_early_is_stopped(tmp_path: Path) -> None:
    standby = (task_text("asks_too_early"), stand_in("stands_by", "counts"))
    run = booted(tmp_path, pair(task_text("counts"), *standby))
    [record] = run["standby"].crashes
    assert record.reason == CrashReason.BAD_HYPERCALL
    assert run["standby"].lines == [] and int(run["standby"].public.took_over) == 0
    assert run["comms"].crashes == [] and run["comms"].state != SandboxState.RELEASED


def test_who_asks_again_is_stopped(tmp_path: Path) -> None:
    """A view is changed once; after a fault of the standby's kernel it is as at the start."""
    run = booted(tmp_path, pair(task_text("panics"), stand_in("asks_twice", "panics")))
    assert run["comms"].state == SandboxState.RELEASED
    [record] = run["standby"].crashes
    assert record.reason == CrashReason.BAD_HYPERCALL and run["standby"].lines == []


def test_nobody_else_may_ask(tmp_path: Path) -> None:
    text = system_text(sandbox_text("one", task_text("asks_too_early")))
    [record] = booted(tmp_path, text)["one"].crashes
    assert record.reason == CrashReason.BAD_HYPERCALL


def test_before_a_takeover_nothing_of_it_can_be_reached(tmp_path: Path) -> None:
    """The kernel's own tables show the channel's sides, the sandbox's view does not."""
    ends = {"requests": "requests"}
    parts = [
        sandbox_text("comms", FAIL_OVER, task_text("touches_too_early", **ends)),
        sandbox_text("peer", task_text("send_nothing", **ends)),
        ring_text("requests", "peer", "comms"),
    ]

    def text(at: int) -> str:
        look = task_text("looks", 3, at=at)
        spare = stand_in("touches_too_early", "touches-too-early", **ends)
        standby = sandbox_text("standby", look, spare)
        return system_text(*parts, standby, run='until = ["standby"]')

    tasks = HEAD + FAULTY + TASKS + "@task\ndef send_nothing(requests: Sender) -> None:\n    pass\n"
    system = build(write_system(tmp_path, text(0), tasks))
    [own] = [each.own for each in system.plan.sandbox("standby").ends]
    run = run_system(build(write_system(tmp_path, text(own), tasks)), tmp_path, deterministic=True)
    [record] = run["standby"].crashes
    assert record.reason == CrashReason.READ_OUTSIDE_VIEW
    assert int(record.address) == system.plan.sandbox("standby").physical(own)


def test_a_standby_that_has_ended_takes_nothing_over(tmp_path: Path) -> None:
    standby = (task_text("panics"), stand_in("stands_by", "dies-once"))
    run = booted(tmp_path, pair(task_text("dies_once"), *standby))
    [record] = run["comms"].crashes
    assert record.action == Action.STOP_ALONE and run["comms"].state == SandboxState.CRASHED
    assert run["standby"].lines == ["7 0 0", "panic: no more"]


def test_a_standby_that_is_restarted_before_takes_over_afterwards(tmp_path: Path) -> None:
    """The interrupt that tells of the release comes while the standby waits for its restart."""
    back_off = RESTART + 'back_off = "8 ms"\n'
    standby = (task_text("fails_to_start"), stand_in("stands_by", "panics"))
    run = booted(tmp_path, pair(task_text("panics"), *standby, keys=back_off))
    assert run["comms"].state == SandboxState.RELEASED
    assert int(run["standby"].public.incarnation) == 1
    assert run["standby"].lines == ["panic: once", "stands in"]


def test_a_standby_that_is_restarted_after_it_took_over_does_so_again(tmp_path: Path) -> None:
    standby = (stand_in("stands_by", "dies-at-once"), task_text("dies_once"))
    run = booted(tmp_path, pair(task_text("dies_at_once"), *standby, keys=RESTART))
    assert run["standby"].lines == ["stands in", "panic: once", "stands in"]
    [record] = run["standby"].crashes
    assert int(run["standby"].public.took_over) > int(record.entered)


def test_a_kernel_that_hangs_fails_over(tmp_path: Path) -> None:
    hangs = '[sandbox.heartbeat]\nperiod = "1 ms"\n'
    watches = '[sandbox.heartbeat]\nperiod = "1 ms"\nwatches = ["comms"]\n'
    tasks = (
        HEAD
        + FAULTY
        + TASKS
        + ('@task\ndef hangs() -> None:\n    fall()\n    asm("cli\\n2: jmp 2b", None, "")\n')
    )
    text = system_text(
        sandbox_text("comms", FAIL_OVER + hangs, task_text("hangs")),
        sandbox_text("standby", watches, stand_in("stands_by", "hangs"), task_text("counts")),
        sandbox_text("other", task_text("counts")),
        run='until = ["other"]',
    )
    run = run_system(build(write_system(tmp_path, text, tasks)), tmp_path, deterministic=True)
    [record] = run["comms"].crashes
    assert (record.reason, record.action) == (CrashReason.HANG, Action.FAIL_OVER)
    assert "stands in" in run["standby"].lines
