"""Semaphores and conditions: who is woken, when, and what a deadline does."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.monitor.interface import SandboxState
from tests.running import Run, boot, sandbox_text, system_text, task_text, timed_text

TASKS = """
full: Semaphore = static()
free: Semaphore = static({"count": 3})
changed: Condition = static()
room: Condition = static()
queue: Array[u64, 4] = static()
written: u64 = static()
read: u64 = static()

@task
def takes(start: u64, deadline: u64, times: u64) -> None:
    sleep_until(start)
    for _ in range(times):
        if full.wait(deadline):
            log("taken")
        else:
            log("too late")

@task
def posts(start: u64, times: u64) -> None:
    sleep_until(start)
    for _ in range(times):
        full.post()
    log(f"{full.count} left")

@task
def keeps_the_core(start: u64, end: u64) -> None:
    sleep_until(start)
    while now() < end:
        pass

@task
def uses_up() -> None:
    for _ in range(u64(3)):
        assert free.wait(0)
    assert not free.wait(0)
    assert not free.wait(now())
    free.post()
    assert free.wait(FOREVER)
    log("all three")

@task
def produces(m: Mutex, numbers: u64) -> None:
    global written
    for number in range(numbers):
        m.lock()
        while written - read == 4:
            assert room.wait(m, FOREVER)
        queue[written % 4] = number
        written += 1
        changed.notify()
        m.unlock()
    log("all written")

@task
def consumes(m: Mutex, numbers: u64) -> None:
    global read
    for number in range(numbers):
        m.lock()
        while written == read:
            assert changed.wait(m, FOREVER)
        assert queue[read % 4] == number
        read += 1
        room.notify()
        m.unlock()
    log("all read")

@task
def awaits(m: Mutex, start: u64, deadline: u64) -> None:
    sleep_until(start)
    m.lock()
    noticed = changed.wait(m, deadline)
    m.unlock()  # it holds it again, whatever came
    log("noticed" if noticed else "not noticed")

@task
def notifies(start: u64, everybody: u64) -> None:
    sleep_until(start)
    if everybody != 0:
        changed.notify_all()
    else:
        changed.notify()
    log("told")

@task
def tells(m: Mutex, start: u64) -> None:
    sleep_until(start)
    m.lock()
    changed.notify_all()
    log("told")
    m.unlock()

# ---- faults

@task
def waits_within(m: Mutex, n: Mutex) -> None:
    m.lock()
    full.wait(FOREVER)

@task
def waits_without(m: Mutex, n: Mutex) -> None:
    changed.wait(m, FOREVER)

@task
def waits_within_another(m: Mutex, n: Mutex) -> None:
    n.lock()
    m.lock()
    changed.wait(m, FOREVER)

@task
def other(m: Mutex, n: Mutex) -> None:
    sleep_until(now() + 1_000_000)

@task
def costs() -> None:
    for _ in range(u64(3)):
        before = now()
        between = now()
        full.post()
        posted = now()
        full.wait(FOREVER)
        taken = now()
        clock = between - before
        log(f"{posted - between - clock} {taken - posted - clock}")
"""

BEGIN = 20_000_000
FOREVER = (1 << 64) - 1
MUTEX = '[[sandbox.mutex]]\nname = "m"\nhold = "100 us"\n'


def booted(folder: Path, *parts: str) -> Run:
    run = boot(folder, system_text(sandbox_text("one", *parts)), TASKS, deterministic=True)
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


def ended(folder: Path, *parts: str) -> list[str]:
    """Who said what."""
    run = booted(folder, *parts)
    assert run["one"].state == SandboxState.FINISHED, run["one"].lines
    tasks = run.system.plan.sandbox("one").tasks
    slots = run["one"].console.slots
    names = [tasks[int(slots[i].task)].name for i in range(len(run["one"].lines))]
    return [f"{name} {line}" for name, line in zip(names, run["one"].lines, strict=True)]


def takes(name: str, priority: int, start: int, deadline: int = FOREVER, times: int = 1) -> str:
    return task_text(
        "takes", priority, name=name, start=BEGIN + start, deadline=deadline, times=times
    )


def test_a_semaphore_serves_the_most_urgent_first(tmp_path: Path) -> None:
    """Whoever waits; and what nobody waits for is there for the next one."""
    assert ended(
        tmp_path,
        takes("b", 8, start=0),
        takes("a", 9, start=10_000),
        takes("c", 7, start=20_000),
        takes("d", 6, start=90_000, times=2),
        task_text("posts", 5, start=BEGIN + 50_000, times=5),
    ) == ["a taken", "b taken", "c taken", "posts 2 left", "d taken", "d taken"]


def test_a_semaphore_is_not_waited_for_beyond_a_deadline(tmp_path: Path) -> None:
    """Who has given up takes nothing of what comes afterwards."""
    assert ended(
        tmp_path,
        takes("a", 9, start=0, deadline=BEGIN + 30_000),
        takes("b", 8, start=0, deadline=0),
        takes("c", 7, start=0, deadline=BEGIN + 90_000),
        task_text("posts", 5, start=BEGIN + 50_000, times=2),
    ) == ["b too late", "a too late", "c taken", "posts 1 left"]


def test_what_comes_in_time_counts(tmp_path: Path) -> None:
    """Even to one whose deadline passes while a more urgent task has the core."""
    assert ended(
        tmp_path,
        task_text("keeps_the_core", 9, start=BEGIN + 10_000, end=BEGIN + 50_000),
        task_text("posts", 8, start=BEGIN + 20_000, times=1),
        takes("late", 7, start=0, deadline=BEGIN + 30_000),
        takes("without", 6, start=0, deadline=BEGIN + 30_000),
    ) == ["posts 0 left", "late taken", "without too late"]


def test_a_semaphore_that_begins_with_some(tmp_path: Path) -> None:
    assert ended(tmp_path, task_text("uses_up")) == ["uses-up all three"]


@pytest.mark.parametrize(("urgent", "timed"), [("produces", False), ("consumes", True)])
def test_a_bounded_buffer(tmp_path: Path, urgent: str, timed: bool) -> None:
    """A condition for each side; no notice is lost, whoever is more urgent."""
    if timed:
        periods = {"produces": "600 us", "consumes": "600 us", urgent: "500 us"}
        tasks = [timed_text(name, period, "30 us", numbers=200) for name, period in periods.items()]
    else:
        ranks = {"produces": 8, "consumes": 8, urgent: 9}
        tasks = [task_text(name, rank, numbers=50) for name, rank in ranks.items()]
    said = ended(tmp_path, *tasks, MUTEX)
    assert sorted(said) == ["consumes all read", "produces all written"]


def awaits(name: str, priority: int, deadline: int = FOREVER) -> str:
    return task_text("awaits", priority, name=name, start=BEGIN, deadline=deadline)


def test_a_notice_wakes_the_most_urgent(tmp_path: Path) -> None:
    assert ended(
        tmp_path,
        awaits("a", 9, deadline=BEGIN + 90_000),
        awaits("b", 8, deadline=BEGIN + 80_000),
        awaits("c", 7, deadline=BEGIN + 10_000),
        awaits("d", 6, deadline=0),
        task_text("notifies", 2, start=BEGIN + 50_000, everybody=0),
        MUTEX,
    ) == ["d not noticed", "c not noticed", "a noticed", "notifies told", "b not noticed"]


def test_a_notice_to_all(tmp_path: Path) -> None:
    """They go on when the mutex is free, in the order of their urgency; nobody waits: no harm."""
    assert ended(
        tmp_path,
        awaits("b", 8),
        awaits("a", 9),
        awaits("c", 7),
        task_text("tells", 3, start=BEGIN + 50_000),
        task_text("notifies", 2, start=BEGIN + 90_000, everybody=1),
        MUTEX,
    ) == ["tells told", "a noticed", "b noticed", "c noticed", "notifies told"]


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("waits_within", "a task waits while it holds a mutex"),
        ("waits_without", "a task unlocks a mutex that it does not hold"),
        ("waits_within_another", "a task waits while it holds a mutex"),
    ],
)
def test_waiting_with_a_mutex_is_a_fault(tmp_path: Path, function: str, text: str) -> None:
    """But for the one that goes with a condition."""
    more = MUTEX.replace('"m"', '"n"')
    run = booted(tmp_path, task_text(function, 9), task_text("other", 2), MUTEX, more)
    assert run["one"].state == SandboxState.CRASHED
    assert run["one"].lines == [f"panic: {text}"]
    assert int(run["one"].status.panic.task) == 0


def test_what_a_semaphore_costs_without_a_wait(tmp_path: Path) -> None:
    for line in ended(tmp_path, task_text("costs")):
        post, take = map(int, line.split()[1:])
        assert post <= 40 and take <= 25, line
