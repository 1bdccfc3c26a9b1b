"""Counters and histograms, against plain Python and on a booted machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.inspect.inspector import Inspector
from questv.inspect.model import SandboxReport
from questv.kernel import counters
from questv.kernel.counters import Histogram
from questv.metal.jit import Jit
from questv.monitor.interface import SandboxState
from tests.inspect.machines import Copied, programs
from tests.running import BURN, Run, boot, sandbox_text, system_text, task_text, timed_text

U64 = (1 << 64) - 1


@pytest.fixture(scope="module")
def jit() -> Jit:
    return Jit(counters)


@given(values=st.lists(st.integers(0, U64) | st.integers(0, 9), max_size=20))
def test_a_histogram_keeps_what_it_was_told(jit: Jit, values: list[int]) -> None:
    found = Histogram()
    for value in values:
        jit[Histogram.record](found, value)
    buckets = [int(bucket.load(None)) for bucket in found.buckets]  # type: ignore[arg-type]
    assert buckets == [sum(value.bit_length() == n for value in values) for n in range(65)]
    assert int(found.sum.load(None)) == sum(values) & U64  # type: ignore[arg-type]
    assert int(found.most.load(None)) == max(values, default=0)  # type: ignore[arg-type]
    assert U64 - int(found.least.load(None)) == min(values, default=U64)  # type: ignore[arg-type]


TASKS = (
    BURN
    + """
import shared

samples: Counter = static()
never_used: Counter = static()
latency: Histogram = static()
of_wheels: Array[Counter, 2] = static()
held: u64 = static()

class Wheel(Struct):
    turns: Counter
    speed: u32

class Own(State):
    number: u64
    wheels: Array[Wheel, 2]
    work: Histogram

@periodic(period="1 ms", budget="100 us")
def step(own: Own, m: Mutex, work: u64, turns: u64) -> None:
    samples.add(2)
    latency.record(own.number)
    own.work.record(work)
    own.wheels[own.number % 2].turns.add(1)
    of_wheels[1].add(own.number)
    m.lock()
    burn(2_000)
    m.unlock()
    if own.number % 5 == 4:
        burn(work)
    own.number += 1
    if own.number == turns:
        finish()

@task
def rests(m: Mutex) -> None:
    m.lock()
    burn(30_000)
    m.unlock()
    shared.everywhere.add(1)

@task
def alone() -> None:
    shared.everywhere.add(5)
    before = now()
    between = now()
    samples.add(3)
    counted = now()
    latency.record(7)
    recorded = now()
    log(f"{counted - between - (between - before)} {recorded - counted - (between - before)}")
"""
)

SHARED = """
from questv.api import Counter
from questv.metal.lang import static

everywhere: Counter = static()
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One kernel with budgets and one without; each fifth call of one task is too long."""
    folder = tmp_path_factory.mktemp("counters")
    (folder / "shared.py").write_text(SHARED)
    text = system_text(
        sandbox_text(
            "timed",
            timed_text(
                "step", name="quick", work=1000, turns=20,
                keys='deadline = "500 us"\nlevel = 1\noverrun_budget = "120 us"',
            ),
            timed_text(
                "step", "2 ms", "100 us", name="slow", work=300_000, turns=12,
                keys='deadline = "900 us"\nlevel = 1\noverrun_budget = "200 us"',
            ),
            task_text("rests"),
            '[[sandbox.mutex]]\nname = "m"\nhold = "20 us"\n',
        ),
        sandbox_text("plain", task_text("alone")),
    )  # fmt: skip
    run = boot(folder, text, TASKS, deterministic=True)
    assert all(each.state == SandboxState.FINISHED for each in run.sandboxes.values()), run
    return run


@pytest.fixture(scope="module")
def reports(run: Run) -> tuple[SandboxReport, SandboxReport]:
    timed, plain = Inspector(run.system.plan, programs(run.system), Copied(run)).sandboxes()
    return timed, plain


def test_they_are_found_by_their_names(reports: tuple[SandboxReport, SandboxReport]) -> None:
    """In variables of all modules, arrays of them, and tasks' states; those that are used."""
    timed, plain = reports
    assert {each.name: each.total for each in timed.counters} == {
        "shared.everywhere": 1,
        "tasks.samples": 64,
        "tasks.of_wheels[0]": 0,
        "tasks.of_wheels[1]": sum(range(20)) + sum(range(12)),
        "quick.own.wheels[0].turns": 10,
        "quick.own.wheels[1].turns": 10,
        "slow.own.wheels[0].turns": 6,
        "slow.own.wheels[1].turns": 6,
    }
    assert {each.name: each.total for each in plain.counters} == {
        "shared.everywhere": 5,
        "tasks.samples": 3,
    }
    found = {each.name: each for each in timed.histograms}
    assert set(found) == {"tasks.latency", "quick.own.work", "slow.own.work"}
    values = [*range(20), *range(12)]
    latency = found["tasks.latency"]
    assert (latency.sum, latency.least, latency.most) == (sum(values), 0, 19)
    assert latency.buckets == tuple(sum(v.bit_length() == n for v in values) for n in range(6))
    assert found["slow.own.work"].most == 300_000


def test_what_counting_costs(run: Run) -> None:
    add, record = map(int, run["plain"].lines[0].split())
    assert add <= 2 and record <= 30


def test_who_had_the_core(reports: tuple[SandboxReport, SandboxReport]) -> None:
    timed, plain = reports
    assert (plain.idle, plain.tasks[0].used, plain.vcpus[0].used) == (None, None, None)
    quick, slow, rests = timed.tasks
    assert quick.used is not None and slow.used is not None and rests.used is not None
    assert quick.used == pytest.approx(20 * 3_000, rel=0.2)
    assert slow.used == pytest.approx(2 * 300_000 + 12 * 3_000, rel=0.1)
    assert rests.used == pytest.approx(30_000, rel=0.2)
    assert [vcpu.used for vcpu in timed.vcpus] == [quick.used, slow.used, rests.used]
    assert timed.idle is not None and timed.started is not None and timed.ended is not None
    whole = timed.idle + quick.used + slow.used + rests.used
    assert whole == pytest.approx(timed.ended - timed.started, abs=2_000)


def test_who_was_late(reports: tuple[SandboxReport, SandboxReport]) -> None:
    timed, _ = reports
    quick, slow, rests = timed.tasks
    assert (quick.releases, quick.misses, quick.dropped) == (20, 0, 0)
    assert (slow.releases, slow.misses, slow.dropped) == (12, 2, 0)
    assert (rests.deadline, rests.responses) == (None, ())
    assert (quick.deadline, slow.deadline) == (500_000, 900_000)
    assert sum(quick.responses) == 20 and sum(quick.responses[8:]) == 0
    assert sum(slow.responses) == 12 and sum(slow.responses[8:]) == 2
    assert slow.worst is not None and slow.worst > 2_000_000  # its next budget
    assert slow.responses[15] == 2
    vcpus = timed.vcpus
    assert (vcpus[0].overruns, vcpus[1].overruns) == (0, 2)
    assert (timed.mode, timed.mode_changes) == (0, 4)


def test_mutexes_are_reported(reports: tuple[SandboxReport, SandboxReport]) -> None:
    (mutex,) = reports[0].mutexes
    assert (mutex.name, mutex.hold, mutex.times, mutex.overruns) == ("m", 20_000, 33, 1)
    assert 30_000 < mutex.longest < 36_000
