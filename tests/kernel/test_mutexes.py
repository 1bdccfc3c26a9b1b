"""Mutexes: who runs while one is held, what it costs, and what is a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.kernel.mutexes import Mutex
from questv.kernel.status import MutexStatus
from questv.metal.structs import sizeof
from questv.monitor.interface import PanicReason, SandboxState
from tests.running import (
    BURN,
    Run,
    boot,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    vcpu_text,
)

TASKS = (
    BURN
    + """
@task
def once(start: u64, work: u64) -> None:
    sleep_until(start)
    log("once")
    burn(work)

@task
def uses(m: Mutex) -> None:
    m.lock()
    m.unlock()

@task
def locks(m: Mutex, start: u64, work: u64) -> None:
    sleep_until(start)
    m.lock()
    log("in")
    burn(work)
    log("out")
    m.unlock()
    log("after")

@task
def nests(m: Mutex, n: Mutex, start: u64, work: u64) -> None:
    sleep_until(start)
    m.lock()
    burn(work)
    n.lock()
    log("in both")
    burn(work)
    n.unlock()
    log("in one")
    burn(work)
    m.unlock()
    log("after")

@task
def locks_late(m: Mutex, before: u64, work: u64) -> None:
    burn(before)
    m.lock()
    burn(work)
    log("out")
    m.unlock()
    log("after")

@task
def nests_late(m: Mutex, n: Mutex, before: u64, work: u64) -> None:
    burn(before)
    m.lock()
    burn(work)
    n.lock()
    burn(work)
    n.unlock()
    burn(work)
    m.unlock()
    log("after")

@task
def overruns(m: Mutex, start: u64, work: u64) -> None:
    \"\"\"Raises the mode, and sleeps before it is done with it.\"\"\"
    sleep_until(start)
    burn(work)
    log("overran")
    sleep_until(now() + 100_000)

@task
def costs(m: Mutex) -> None:
    for _ in range(u64(3)):
        before = now()
        between = now()
        m.lock()
        locked = now()
        m.unlock()
        unlocked = now()
        clock = between - before
        log(f"{locked - between - clock} {unlocked - locked - clock}")

# ---- faults

@task
def sleeps(m: Mutex) -> None:
    m.lock()
    sleep_until(now() + 1000)

@task
def returns(m: Mutex) -> None:
    m.lock()

@task
def locks_twice(m: Mutex) -> None:
    m.lock()
    m.lock()

@task
def only_unlocks(m: Mutex, start: u64) -> None:
    sleep_until(start)
    m.unlock()

@task
def in_the_wrong_order(m: Mutex, n: Mutex) -> None:
    m.lock()
    n.lock()
    m.unlock()

# ---- all at once

owners: Array[u64, 4] = static()
turns: Array[u64, 4] = static()

@metal
def random(state: Array[u64, 1], below: u64) -> u64:
    state[0] = state[0] * 6364136223846793005 + 1442695040888963407
    return (state[0] >> 33) % below

@metal
def enter(m: Mutex, index: u64, own: u64) -> None:
    m.lock()
    if owners[index] != 0:
        panic("two are in one critical section")
    owners[index] = own
    turns[index] += 1

@metal
def leave(m: Mutex, index: u64, own: u64) -> None:
    if owners[index] != own:
        panic("somebody else was in the critical section")
    owners[index] = 0
    m.unlock()

@task
def crowd(a: Mutex, b: Mutex, c: Mutex, own: u64, turns: u64) -> None:
    state: Array[u64, 1] = local()
    state[0] = own * 7919
    for _ in range(turns):
        burn(random(state, 9000))
        first = random(state, 3)
        _enter(a, b, c, first, own)
        burn(random(state, 6000))
        second = (first + 1 + random(state, 2)) % 3
        _enter(a, b, c, second, own)
        burn(random(state, 6000))
        _leave(a, b, c, second, own)
        burn(random(state, 6000))
        _leave(a, b, c, first, own)
        sleep_until(now() + random(state, 50_000))

@metal
def _enter(a: Mutex, b: Mutex, c: Mutex, index: u64, own: u64) -> None:
    if index == 0:
        enter(a, 0, own)
    elif index == 1:
        enter(b, 1, own)
    else:
        enter(c, 2, own)

@metal
def _leave(a: Mutex, b: Mutex, c: Mutex, index: u64, own: u64) -> None:
    if index == 0:
        leave(a, 0, own)
    elif index == 1:
        leave(b, 1, own)
    else:
        leave(c, 2, own)
"""
)

MS = 1_000_000
BEGIN = 20 * MS


def mutex_text(name: str, hold: str = "100 us", *, user: int | None = None) -> str:
    """A mutex; with one more user, the least urgent task, of priority ``user``."""
    more = "" if user is None else task_text("uses", user, name=f"user-of-{name}", m=name)
    return f'{more}[[sandbox.mutex]]\nname = "{name}"\nhold = "{hold}"\n'


def booted(folder: Path, *parts: str) -> Run:
    run = boot(folder, system_text(sandbox_text("one", *parts)), TASKS, deterministic=True)
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


def ended(folder: Path, *parts: str) -> Run:
    run = booted(folder, *parts)
    assert run["one"].state == SandboxState.FINISHED, run["one"].lines
    return run


def said(run: Run) -> list[str]:
    """Who said what."""
    plan = run.system.plan.sandbox("one")
    console = run["one"].console
    lines = [console.slots[index] for index in range(len(run["one"].lines))]
    names = [plan.tasks[int(line.task)].name for line in lines]
    return [f"{name} {line}" for name, line in zip(names, run["one"].lines, strict=True)]


def counters(run: Run, name: str = "m") -> MutexStatus:
    plan = run.system.plan.sandbox("one")
    mutex = next(mutex for mutex in plan.mutexes if mutex.name == name)
    found = Mutex.view(run.memory(plan.physical(mutex.object), sizeof(Mutex)))
    counted: MutexStatus = found.counters
    return counted


def test_who_is_below_the_ceiling_waits(tmp_path: Path) -> None:
    """The most urgent, who does not use it, preempts; the others, user or not, come afterwards."""
    run = ended(
        tmp_path,
        task_text("once", 9, name="a", start=BEGIN + 40_000, work=0),
        task_text("locks", 8, name="b", start=BEGIN + 20_000, work=0),
        task_text("once", 7, name="c", start=BEGIN + 10_000, work=0),
        task_text("locks", 6, name="d", start=BEGIN, work=60_000),
        mutex_text("m"),
    )
    assert said(run) == [
        *("d in", "a once", "d out"),
        *("b in", "b out", "b after", "c once", "d after"),
    ]
    found = counters(run)
    assert (int(found.times), int(found.overruns)) == (2, 0)
    assert 60_000 < int(found.longest) < 90_000  # with what the console takes, without preemption


def test_locks_within_locks(tmp_path: Path) -> None:
    """Of one task; and of tasks that preempt each other, where all give back in their order."""
    run = ended(
        tmp_path,
        task_text("nests", 9, name="a", m="x", n="y", start=BEGIN + 30_000, work=5_000),
        task_text("locks", 8, name="b", m="y", start=BEGIN + 20_000, work=20_000),
        task_text("nests", 7, name="c", m="z", n="w", start=BEGIN + 10_000, work=20_000),
        task_text("locks", 6, name="d", m="z", start=BEGIN, work=20_000),
        task_text("once", 5, name="e", start=BEGIN + 1000, work=0),
        mutex_text("x", user=2),
        mutex_text("y"),
        mutex_text("z"),
        mutex_text("w", user=1),
    )
    assert said(run) == [
        "d in",  # which keeps c from running, and nobody else
        *("b in", "b out"),  # which keeps a from running
        *("a in both", "a in one", "a after", "b after"),
        *("d out", "c in both", "c in one", "c after", "d after", "e once"),
    ]


@pytest.mark.parametrize("before", [70_000, 85_000])
def test_a_holder_without_budget_goes_on_until_it_unlocks(tmp_path: Path, before: int) -> None:
    """As long as it may hold it; what it used too much is missing from its next budget."""
    run = ended(
        tmp_path,
        timed_text("locks_late", "1 ms", "100 us", name="a", before=before, work=60_000),
        task_text("once", name="b", start=BEGIN, work=0),
        mutex_text("m", user=0),
    )
    assert said(run) == ["a out", "a after", "b once"]
    slot = run["one"].console.slots
    after = run.nanoseconds(int(slot[1].time))
    assert after > MS  # it had to wait for its next budget
    assert int(run["one"].status.vcpus[0].depletions) == 1


def test_who_preempts_a_holder_does_not_use_up_its_time(tmp_path: Path) -> None:
    """A holder is past its budget, and has half of its time left, when another runs for long."""
    run = ended(
        tmp_path,
        timed_text("once", "900 us", "500 us", name="a", start=120_000, work=400_000),
        timed_text("locks_late", "1 ms", "100 us", name="b", before=85_000, work=60_000),
        task_text("once", name="c", start=BEGIN, work=0),
        mutex_text("m", user=0),
    )
    assert said(run) == ["a once", "b out", "b after", "c once"]


def test_a_holder_whose_vcpu_another_uses_up_goes_on(tmp_path: Path) -> None:
    run = ended(
        tmp_path,
        vcpu_text("shared", "1 ms", "100 us"),
        task_text(
            "once", 9, name="a", keys='vcpu = "shared"', start=50_000, work=150_000
        ),  # its budget is used up before it ends
        task_text("locks_late", 8, name="b", keys='vcpu = "shared"', before=1000, work=60_000),
        task_text("once", name="c", start=BEGIN, work=0),
        mutex_text("m", "80 us", user=0),
    )
    assert said(run) == ["a once", "b out", "b after", "c once"]
    assert 60_000 < int(counters(run).longest) < 80_000


def test_a_holder_of_a_lower_level_goes_on_until_it_unlocks(tmp_path: Path) -> None:
    """It keeps one from running that may run in the raised mode, so the mode lasts."""
    level = 'level = 2\noverrun_budget = "150 us"'
    run = ended(
        tmp_path,
        timed_text("once", "800 us", "20 us", name="a", start=100_000, keys=level, work=50_000),
        timed_text("locks", "900 us", "100 us", name="b", start=110_000, keys=level, work=0),
        timed_text("locks_late", "1 ms", "300 us", name="c", before=10_000, work=200_000),
        mutex_text("m", "250 us"),
    )
    assert said(run) == ["a once", "c out", "b in", "b out", "b after", "c after"]
    status = run["one"].status
    assert (int(status.mode), int(status.mode_changes)) == (0, 2)


def test_what_locking_costs(tmp_path: Path) -> None:
    run = ended(tmp_path, task_text("costs"), mutex_text("m", user=0))
    for line in run["one"].lines:
        lock, unlock = map(int, line.split())
        assert lock <= 75 and unlock <= 90, run["one"].lines
    found = counters(run)
    assert int(found.times) == 4
    assert 0 < int(found.longest) < 100


def test_who_holds_it_too_long_with_budget_is_counted(tmp_path: Path) -> None:
    run = ended(
        tmp_path,
        task_text("locks", start=BEGIN, work=30_000),
        mutex_text("m", "20 us", user=0),
    )
    found = counters(run)
    assert (int(found.times), int(found.overruns)) == (2, 1)
    assert int(found.longest) > 30_000


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("sleeps", "a task waits while it holds a mutex"),
        ("returns", "a task waits while it holds a mutex"),
        ("locks_twice", "a task locks a mutex that it holds already"),
        ("in_the_wrong_order", "a task unlocks a mutex before one that it has locked later"),
    ],
)
def test_what_is_a_fault(tmp_path: Path, function: str, text: str) -> None:
    run = booted(
        tmp_path,
        task_text(function, 9),
        task_text("once", start=BEGIN, work=0),
        mutex_text("m", user=0),
        *([mutex_text("n", user=3)] if function == "in_the_wrong_order" else []),
    )
    assert_panic(run, 0, text)


def assert_panic(run: Run, task: int, text: str) -> None:
    assert run["one"].state == SandboxState.CRASHED
    record = run["one"].status.panic
    assert record.reason == PanicReason.MESSAGE and int(record.task) == task
    assert bytes(record.text).rstrip(b"\0").decode() == text
    assert run["one"].lines[-1] == f"panic: {text}"


@pytest.mark.parametrize("start", [0, 50_000], ids=["nobody holds it", "another holds it"])
def test_who_does_not_hold_it_can_not_unlock_it(tmp_path: Path, start: int) -> None:
    """One that is urgent enough to run while another holds it has to use another one."""
    run = booted(
        tmp_path,
        task_text("only_unlocks", 2, start=start),
        task_text("locks_late", before=1000, work=1000),
        mutex_text("m"),
    )
    assert_panic(run, 0, "a task unlocks a mutex that it does not hold")


def test_the_inner_mutex_of_a_holder_without_budget_has_its_own_time(tmp_path: Path) -> None:
    """It is given back in its time, though the outer one could be held for longer."""
    run = booted(
        tmp_path,
        timed_text("nests_late", "1 ms", "100 us", before=80_000, work=40_000),
        mutex_text("m", "400 us", user=0),
        mutex_text("n", "10 us", user=2),
    )
    assert_panic(run, 0, "a task without budget holds a mutex longer than it may")
    ended = int(run["one"].public.ended) - int(run["one"].status.started)
    assert 120_000 < ended < 140_000


@pytest.mark.parametrize("function", ["locks_late", "nests_late"])
def test_who_holds_it_too_long_without_budget_is_stopped(tmp_path: Path, function: str) -> None:
    """Of several that one task holds the outermost has to be given back in its time."""
    nests = function == "nests_late"
    run = booted(
        tmp_path,
        timed_text(function, "1 ms", "100 us", before=80_000, work=40_000 if nests else 120_000),
        task_text("once", start=BEGIN, work=0),
        mutex_text("m", "100 us", user=0),
        *([mutex_text("n", "300 us", user=2)] if nests else []),
    )
    assert_panic(run, 0, "a task without budget holds a mutex longer than it may")
    used = int(run["one"].status.tasks[0].used)
    assert 180_000 <= used < 183_000


def test_a_crowd(tmp_path: Path) -> None:
    """Tasks of all kinds, three mutexes within each other, and nobody is where another is."""
    tasks = [
        timed_text(
            "crowd", f"{200 + 60 * index} us", "30 us", name=f"t{index}", own=index + 1, turns=30
        )
        for index in range(4)
    ]
    tasks += [task_text("crowd", 9 - own, name=f"t{own}", own=own, turns=30) for own in (5, 6)]
    mutexes = [mutex_text(name, "25 us") for name in "abc"]
    run = ended(tmp_path, *tasks, *mutexes)
    assert sum(int(counters(run, name).times) for name in "abc") == 6 * 30 * 2
    status = run["one"].status
    assert sum(int(vcpu.depletions) for vcpu in status.vcpus) > 100, "they had budget all the time"
    assert sum(int(task.switches) for task in status.tasks) > 300, "they hardly met"
