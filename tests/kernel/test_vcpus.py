"""VCPUs on a machine: budgets are given, policed and given back; criticality; what is counted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from questv.inspect.inspector import Inspector
from questv.monitor.interface import SandboxState
from tests.running import (
    BURN,
    Run,
    boot,
    mutex_text,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
)

MS = 1_000_000
NOTICED = 600  # instructions after which the end of a budget has been noticed
STARTING = 1000  # instructions between the kernel's word that it runs and its first task

TASKS = (
    BURN
    + """
@task
def spin() -> None:
    while True:
        burn(200)

@task
def sly() -> None:
    while True:
        burn(380_000)
        sleep_until(now() + 3_000)

class Turn(State):
    number: u64

@periodic
def steady(rounds: u64) -> None:
    burn(2 * rounds)

@periodic
def varied(turn: Turn, usual: u64, rare: u64, every: u64) -> None:
    turn.number += 1
    burn(2 * (rare if turn.number % every == 0 else usual))

@periodic
def once_more(turn: Turn, usual: u64, rare: u64) -> None:
    turn.number += 1
    burn(rare if turn.number == 2 else usual)

@task
def twice(first_at: u64, first: u64, again_at: u64, again: u64) -> None:
    begin = now()
    sleep_until(begin + first_at)
    burn(first)
    sleep_until(begin + again_at)
    burn(again)
    log(f"done after {(now() - begin) // 1000} us")

@periodic
def guarded(m: Mutex, before: u64, within: u64) -> None:
    burn(before)
    m.lock()
    burn(within)
    m.unlock()
    burn(2_000)

nobody_tells: Condition = static()

@task
def waits_in_vain(m: Mutex) -> None:
    m.lock()
    while True:
        burn(8_000)
        nobody_tells.wait(m, now())

@periodic
def locks(m: Mutex) -> None:
    m.lock()
    burn(1_000)
    m.unlock()

@periodic
def prepared(first: u64, rounds: u64) -> None:
    burn(2 * rounds)

@initialize(prepared)
def prepare(first: u64) -> None:
    burn(2 * first)

@periodic
def late(turn: Turn, calls: u64, sleep: u64) -> None:
    turn.number += 1
    if turn.number == 2:
        sleep_until(now() + sleep)
    if turn.number == calls:
        finish()
"""
)


def run_for(folder: Path, text: str, nanoseconds: int) -> Run:
    run = boot(folder, text, TASKS, deterministic=True, command_line=f"for={nanoseconds}")
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


def test_budgets_are_given_and_no_more(tmp_path: Path) -> None:
    """Four tasks that never end, on budgets that leave a third: the one of best effort has it."""
    shares = {"a": (100_000, MS), "b": (300_000, 2 * MS), "c": (MS, 4 * MS), "d": (800_000, 5 * MS)}
    tasks = [
        timed_text("spin", period, budget, name=name) for name, (budget, period) in shares.items()
    ]
    text = system_text(sandbox_text("one", *tasks, task_text("spin", name="rest")))
    run = run_for(tmp_path, text, 60 * MS)
    status = run["one"].status
    elapsed = int(run["one"].public.ended) - int(status.started)
    frequency = int(run.facts.tsc_frequency)
    total = 0
    for index, (budget, period) in enumerate(shares.values()):
        used = int(status.tasks[index].used)
        whole = elapsed * 10**9 // frequency // period
        least = whole * budget * frequency // 10**9
        most = (whole + 1) * budget * frequency // 10**9
        assert least <= used <= most + NOTICED
        assert int(status.vcpus[index].depletions) >= whole - 1
        total += used
    rest = int(status.tasks[len(shares)].used)
    assert rest > elapsed // 4
    assert 0 <= elapsed - total - rest < STARTING  # all time is somebody's


def test_shorter_periods_go_first(tmp_path: Path) -> None:
    """Each response is what the task takes and what all with shorter periods do, and no more."""
    tasks = [
        timed_text("steady", (4 - i) * MS, 300_000, name=f"t{i}", rounds=100_000) for i in range(4)
    ]
    run = run_for(tmp_path, system_text(sandbox_text("one", *tasks)), 13 * MS)
    for index in range(4):
        worst = int(run["one"].status.tasks[index].worst)
        assert 200_000 * (index + 1) <= worst <= 200_000 * (index + 1) + 5000 * (index + 1)
        assert int(run["one"].status.tasks[index].misses) == 0


HIGH = timed_text(
    "varied",
    MS,
    100_000,
    name="high",
    keys='level = 2\noverrun_budget = "400 us"',
    usual=40_000,
    rare=150_000,
    every=10,
)
MIDDLE = timed_text("steady", 2 * MS, 300_000, name="middle", keys="level = 2", rounds=100_000)
LOW = timed_text("steady", 4 * MS, 1_200_000, name="low", rounds=500_000)


def test_lower_levels_yield_to_a_task_that_needs_its_second_budget(tmp_path: Path) -> None:
    text = system_text(sandbox_text("one", HIGH, MIDDLE, LOW, task_text("spin", name="rest")))
    run = run_for(tmp_path, text, 60 * MS)
    status = run["one"].status
    high, middle, low, rest = (status.tasks[index] for index in range(4))
    overruns = int(status.vcpus[0].overruns)
    assert overruns == int(high.releases) // 10 >= 5
    assert int(status.mode_changes) == 2 * overruns  # there and back again
    assert int(status.mode) == 0
    assert int(high.misses) == int(middle.misses) == int(low.misses) == 0
    assert int(high.worst) > 300_000  # twice 150,000 instructions, at once
    assert int(low.releases) >= 14 and int(rest.used) > 10 * MS


def test_a_task_without_a_second_budget_is_held_to_its_first(tmp_path: Path) -> None:
    """It gets the rest of what it needs a period later, and the others do not notice."""
    greedy = timed_text("steady", MS, 100_000, name="greedy", rounds=75_000)
    run = run_for(tmp_path, system_text(sandbox_text("one", greedy, LOW)), 40 * MS)
    greedy_status, low = run["one"].status.tasks[0], run["one"].status.tasks[1]
    assert int(greedy_status.misses) > 10
    assert int(greedy_status.used) <= 41 * 100_000 + 1000
    assert int(low.misses) == 0


def test_what_comes_late_is_counted(tmp_path: Path) -> None:
    """The second call takes 3.5 periods and misses; two releases meanwhile are left out."""
    task = timed_text("late", MS, 100_000, calls=6, sleep=3_500_000)
    run = boot(tmp_path, system_text(sandbox_text("one", task)), TASKS, deterministic=True)
    assert run["one"].state == SandboxState.FINISHED
    counted = run["one"].status.tasks[0]
    assert (int(counted.releases), int(counted.misses), int(counted.dropped)) == (6, 1, 2)
    assert 3_500_000 <= int(counted.worst) < 3_510_000


def test_who_had_to_yield_does_not_catch_up(tmp_path: Path) -> None:
    """It could not run for a while; when it can, it has one budget, not several at once."""
    high = timed_text(
        "steady",
        20 * MS,
        MS,
        name="high",
        keys='level = 1\noverrun_budget = "8 ms"',
        rounds=3_250_000,
    )
    low = timed_text("spin", 4 * MS, MS, name="low")
    run = run_for(tmp_path, system_text(sandbox_text("one", high, low)), 11 * MS)
    elapsed = int(run["one"].public.ended) - int(run["one"].status.started)
    assert (
        10 * MS < elapsed < 12 * MS
    )  # one budget at first, one from 7.5 ms on, when the mode returns
    used = int(run["one"].status.tasks[0].used)
    assert 1_990_000 < used < 2_100_000


def test_a_call_that_never_ends_has_missed_its_deadlines(tmp_path: Path) -> None:
    """Its kernel has counted nothing, as the first call goes on; the tools know."""
    run = run_for(
        tmp_path,
        system_text(sandbox_text("one", timed_text("steady", MS, 100_000, rounds=2**40))),
        20 * MS,
    )
    assert int(run["one"].status.tasks[0].misses) == 0
    inspector = Inspector(run.system.plan, {}, SimpleNamespace(read=run.memory))
    [sandbox] = inspector.sandboxes()
    assert sandbox.tasks[0].misses in (18, 19)


def test_the_first_calls_have_whole_budgets(tmp_path: Path) -> None:
    """What a task is initialized with is not taken from what it was promised for its calls."""
    task = timed_text(
        "prepared", 10 * MS, MS, keys="deadline = 5_000_000", first=450_000, rounds=470_000
    )
    run = run_for(tmp_path, system_text(sandbox_text("one", task)), 60 * MS)
    counted = run["one"].status.tasks[0]
    assert int(counted.releases) >= 5 and int(counted.misses) == 0
    assert int(counted.worst) < MS


def test_nobody_has_more_than_its_second_budget(tmp_path: Path) -> None:
    """A task that ends each time just before it is used up, and goes on at once."""
    sly = timed_text("sly", 10 * MS, 100_000, keys="level = 1\noverrun_budget = 400_000")
    low = timed_text("steady", 5 * MS, 200_000, name="low", rounds=90_000)
    run = run_for(tmp_path, system_text(sandbox_text("one", sly, low)), 60 * MS)
    counted = run["one"].status.tasks
    assert run.system.plan.sandbox("one").tasks[1].name == "sly"
    assert int(counted[1].used) <= 7 * 400_000 + 7 * NOTICED
    assert int(counted[0].misses) == 0


def test_a_second_budget_is_used_as_soon_as_it_is_back(tmp_path: Path) -> None:
    """It was there from 7.9 ms on for another's sake, so from 17.9 ms on; the first is at 23."""
    other = timed_text(
        "once_more",
        8 * MS,
        100_000,
        keys="level = 1\noverrun_budget = 200_000",
        usual=10_000,
        rare=120_000,
    )
    high = timed_text(
        "twice",
        10 * MS,
        MS,
        keys="level = 1\noverrun_budget = 4_000_000",
        first_at=7_900_000,
        first=500_000,
        again_at=13 * MS,
        again=2 * MS,
    )
    run = run_for(tmp_path, system_text(sandbox_text("one", other, high)), 40 * MS)
    status = run["one"].status
    assert [int(status.vcpus[i].overruns) for i in range(2)] == [1, 1]
    done = int(run["one"].lines[-1].removeprefix("done after ").removesuffix(" us"))
    assert 18_800 < done < 19_100


def test_a_lower_level_that_holds_a_mutex_does_not_lower_the_mode(tmp_path: Path) -> None:
    """It goes on in a higher mode, and uses up its budget there; afterwards all go on."""
    high = timed_text(
        "once_more",
        MS,
        100_000,
        keys='level = 2\noverrun_budget = "200 us"',
        usual=10_000,
        rare=120_000,
    )
    holder = timed_text(
        "guarded",
        5 * MS,
        1_200_000,
        name="holder",
        keys='level = 1\noverrun_budget = "1500 us"',
        before=880_000,
        within=440_000,
    )
    waits = timed_text(
        "guarded", 5 * MS, 50_000, name="waits", keys="level = 2", before=1, within=1
    )
    low = timed_text("steady", 10 * MS, 50_000, name="low", rounds=1_000)
    mutex = mutex_text("m", "500 us")
    text = system_text(sandbox_text("one", high, holder, waits, low, mutex))
    run = run_for(tmp_path, text, 100 * MS)
    status = run["one"].status
    assert int(status.mode) == 0 and int(status.mode_changes) >= 2
    releases = [int(status.tasks[index].releases) for index in range(4)]
    assert releases == [100, 20, 20, 10]


def test_waiting_in_vain_gives_the_mutex_to_others_and_the_budget_back(tmp_path: Path) -> None:
    """A deadline that has passed is no way to hold a mutex, or the core, for longer."""
    greedy = timed_text("waits_in_vain", 10 * MS, 200_000)
    urgent = timed_text("locks", MS, 100_000, name="urgent")
    late = timed_text("locks", 20 * MS, 100_000, name="late")
    text = system_text(sandbox_text("one", greedy, urgent, late, mutex_text("m", "10 us")))
    run = run_for(tmp_path, text, 60 * MS)
    counted = run["one"].status.tasks
    names = [task.name for task in run.system.plan.sandbox("one").tasks]
    assert names == ["urgent", "waits-in-vain", "late"]
    assert int(counted[0].worst) < 20_000  # one critical section, and its own
    assert int(counted[1].used) <= 7 * 200_000 + 7 * 12_000
    assert int(counted[2].releases) == 3
