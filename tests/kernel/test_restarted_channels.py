"""Channels between kernels of which one, or both, are restarted while the other goes on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from questv.machine import WITH_X2APIC, WITHOUT_X2APIC
from questv.monitor.interface import SandboxState
from tests.running import (
    Run,
    boot,
    four_slot_text,
    ring_text,
    sandbox_text,
    system_text,
    task_text,
)

RESTART = '[sandbox.recovery]\non_fault = "restart"\nlimit = 12\nback_off = "20 us"\n'

TASKS = """
CALLS = 40

class Life(State, version=1):
    next: u64

@task
def streams(numbers: Sender, life: Life, lives: u64) -> None:
    "Numbers that only grow; it dies after some, until it has lived often enough."
    number: u64 = 0
    for i in range(u64(CALLS)):
        number = life.next
        life.next += 1
        life.save()
        Ptr[u64](numbers.reserve(8, FOREVER))[0] = number
        numbers.commit()
        if i == 13 and number < lives * 20:
            panic("again")

@task
def collects(numbers: Receiver, wanted: u64) -> None:
    "Logs what comes, until it has seen so much."
    got: u64 = 0
    while got + 1 < wanted:
        message = numbers.receive(FOREVER)
        got = Ptr[Shared[u64]](message)[0].load(RELAXED)
        numbers.done()
        log(f"{got}")

@task
def collects_and_dies(numbers: Receiver, life: Life) -> None:
    "Dies before it has given each tenth message back, and ends after five lives."
    life.next += 1
    life.save()
    for i in range(u64(10)):
        message = numbers.receive(FOREVER)
        number = Ptr[Shared[u64]](message)[0].load(RELAXED)
        log(f"{number}")
        if i == 9 and life.next < 5:
            panic("again")
        numbers.done()

@task
def streams_on(numbers: Sender) -> None:
    "One number each 10 us, for as long as there is somebody."
    number: u64 = 0
    while number < 400:
        room = numbers.reserve(8, now() + 1_000_000)
        if not room.is_null():
            Ptr[u64](room)[0] = number
            numbers.commit()
        number += 1
        sleep_until(now() + 10_000)

@task
def shows(value: Writer, life: Life) -> None:
    for i in range(u64(20)):
        life.next += 1
        life.save()
        Ptr[u64](value.begin(16))[0] = life.next
        Ptr[u64](value.begin(16))[1] = ~life.next
        value.publish()
        sleep_until(now() + 50_000)
        if i == 7 and life.next < 60:
            panic("again")

@task
def looks(value: Reader) -> None:
    last: u64 = 0
    while last < 60:
        if not value.await_news(now() + 5_000_000):
            log("nothing came")
            return
        seen = Ptr[Shared[u64]](value.newest(16))
        last = seen[0].load(RELAXED)
        other = seen[1].load(RELAXED)
        log(f"{last} {u64(other == ~last)}")
"""


def ended(run: Run, name: str) -> list[int]:
    """The numbers on a console, of a run that has come to its end."""
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    words = [line.split()[0] for line in run[name].lines if not line.startswith("panic")]
    return [int(word) for word in words if word.isdigit()]


@pytest.mark.parametrize("cpu", [WITH_X2APIC, WITHOUT_X2APIC])
@pytest.mark.parametrize("apic", ["guarded", "direct"])
def test_a_restarted_sender_goes_on(tmp_path: Path, apic: str, cpu: str) -> None:
    """Nothing that it had sent in whole is lost, given twice, or out of order."""
    keys = f'apic = "{apic}"'
    text = system_text(
        sandbox_text("one", RESTART, task_text("streams", lives=4), keys=keys),
        sandbox_text("two", task_text("collects", wanted=100), keys=keys),
        ring_text("numbers", "one", "two"),
    )
    run = boot(tmp_path, text, TASKS, deterministic=True, cpu=cpu)
    got = ended(run, "two")
    assert int(run["one"].public.incarnation) >= 4
    assert run["two"].state == SandboxState.FINISHED
    assert all(after > before for before, after in pairwise(got)) and got[-1] == 99
    # Only what was being sent when it died can be missing: nothing, as it dies afterwards.
    assert got == list(range(got[0], 100))


def test_a_restarted_receiver_goes_on(tmp_path: Path) -> None:
    """No message is given twice, the one that it died of neither."""
    text = system_text(
        sandbox_text("one", task_text("streams_on")),
        sandbox_text("two", RESTART, task_text("collects_and_dies")),
        ring_text("numbers", "one", "two"),
    )
    run = boot(tmp_path, text, TASKS, deterministic=True)
    got = ended(run, "two")
    assert int(run["two"].public.incarnation) == 4
    assert len(got) == 50 and all(after > before for before, after in pairwise(got))
    assert run["one"].state == run["two"].state == SandboxState.FINISHED
    assert int(run["one"].ends["numbers"].resets) == 4


def test_a_restarted_writer_goes_on(tmp_path: Path) -> None:
    """Each value is whole and newer than the one before."""
    text = system_text(
        sandbox_text("one", RESTART, task_text("shows")),
        sandbox_text("two", task_text("looks")),
        four_slot_text("value", "one", "two", 16),
    )
    run = boot(tmp_path, text, TASKS, deterministic=True)
    seen = ended(run, "two")
    assert int(run["one"].public.incarnation) >= 5
    assert seen[-1] >= 60 and all(after > before for before, after in pairwise(seen))
    assert all(line.endswith(" 1") for line in run["two"].lines)
