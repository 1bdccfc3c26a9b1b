"""Instructions are counted exactly, core by core, and the machine does not notice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from questv.counter import InstructionCounter, Mark
from questv.counter.results import MAX_EVENTS
from questv.machine import MachineError, Qemu, find_qemu
from questv.plan.build import BuiltSystem, build
from tests.monitor.test_exits import CPUS
from tests.running import Run, run_system, sandbox_text, system_text, task_text, write_system

TASKS = """
@task
def work(rounds: u64) -> None:
    low, high = asm("work_begins: rdtsc", (u64, u64), "={rax},={rdx}")
    for _ in range(rounds):
        asm("work_round: nop", None, "")
    low2, high2 = asm("work_ends: rdtsc", (u64, u64), "={rax},={rdx}")
    log(f"{(high2 << 32 | low2) - (high << 32 | low)}")
"""
ROUNDS = 20_000
LABELS = ("work_begins", "work_round", "work_ends")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    folder = tmp_path_factory.mktemp("alone")
    text = system_text(sandbox_text("one", task_text("work", rounds=ROUNDS)))
    return build(write_system(folder, text, TASKS))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    folder = tmp_path_factory.mktemp("both")
    text = system_text(
        *(sandbox_text(name, task_text("work", rounds=ROUNDS)) for name in ("one", "two"))
    )
    return build(write_system(folder, text, TASKS))


def marks(system: BuiltSystem, sandbox: str) -> list[Mark]:
    symbols, core = system.kernels[sandbox].symbols, system.plan.sandbox(sandbox).core
    return [Mark(core, symbols.address(label)) for label in LABELS]


def counted(
    system: BuiltSystem, folder: Path, counter: InstructionCounter, **options: object
) -> Run:
    run = run_system(system, folder, extra=counter.arguments, **options)  # type: ignore[arg-type]
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


@pytest.mark.parametrize("cpu", CPUS.values(), ids=CPUS)
def test_a_core_alone_executes_an_instruction_each_nanosecond(
    alone: BuiltSystem, tmp_path: Path, cpu: str
) -> None:
    begin, each, end = marks(alone, "one")
    with InstructionCounter([begin, each, end]) as counter:
        run = counted(alone, tmp_path, counter, deterministic=True, cpu=cpu)
        passages, intervals = counter.passages(each), counter.intervals(begin, end)
        assert counter.instructions(0) > sum(intervals)
    assert intervals == [int(run["one"].lines[-1])]
    assert len(passages) == ROUNDS
    assert len({after - before for before, after in pairwise(passages)}) == 1


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_neighbour_changes_no_count(
    alone: BuiltSystem, both: BuiltSystem, tmp_path: Path, deterministic: bool
) -> None:
    """It takes its part of the one clock of a deterministic run, though."""
    ends = marks(alone, "one")[::2]
    with InstructionCounter(ends) as counter:
        counted(alone, tmp_path, counter, deterministic=True)
        wanted = counter.intervals(*ends)
    pairs = [marks(both, name)[::2] for name in ("one", "two")]
    with InstructionCounter([mark for pair in pairs for mark in pair]) as counter:
        run = counted(both, tmp_path, counter, deterministic=deterministic)
        found = [counter.intervals(*pair) for pair in pairs]
    assert found == [wanted, wanted]
    if deterministic:
        assert 1.5 * wanted[0] < int(run["one"].lines[-1]) < 2.1 * wanted[0]


@pytest.mark.parametrize("cpu", CPUS.values(), ids=CPUS)
def test_the_machine_does_not_notice(both: BuiltSystem, tmp_path: Path, cpu: str) -> None:
    """The same memory is left behind, to the last byte, and what happened took as long."""
    hashes = set()
    with InstructionCounter(marks(both, "two")) as counter:
        for extra in (counter.arguments, ()):
            run = run_system(both, tmp_path, deterministic=True, cpu=cpu, extra=extra)
            hash = hashlib.sha256()
            for region in both.plan.regions:
                hash.update(run.memory(region.start, region.size))
            hashes.add(hash.hexdigest())
        assert counter.passages(marks(both, "two")[0])
    assert len(hashes) == 1


@pytest.fixture
def idle() -> Iterator[tuple[InstructionCounter, Mark, Mark]]:
    """A counter whose machine is never started: the test says what happens."""
    start, end = Mark(3, 0x1000), Mark(3, 0x2000)
    with InstructionCounter([start, end]) as counter:
        yield counter, start, end


def happen(counter: InstructionCounter, *events: tuple[int, int]) -> None:
    """Each is the count and the index of a mark."""
    for place, (before, mark) in zip(counter._results.events, events, strict=False):
        place.before, place.mark = before, mark
    counter._results.happened.store(len(events), None)  # type: ignore[arg-type]


def test_an_interval_begins_with_the_last_start(
    idle: tuple[InstructionCounter, Mark, Mark],
) -> None:
    counter, start, end = idle
    happen(counter, (5, 1), (10, 0), (17, 0), (20, 1), (30, 1), (40, 0), (42, 1), (50, 0))
    assert counter.intervals(start, end) == [3, 2]
    assert counter.passages(start) == [10, 17, 40, 50]


def test_more_passages_than_there_is_room_for(
    idle: tuple[InstructionCounter, Mark, Mark],
) -> None:
    counter, start, _ = idle
    counter._results.happened.store(MAX_EVENTS + 1, None)  # type: ignore[arg-type]
    with pytest.raises(OverflowError, match="1048577 passages, of which 1048576 could be recorded"):
        counter.passages(start)


def test_an_interval_is_one_cores() -> None:
    with (
        InstructionCounter([Mark(0, 1), Mark(1, 2)]) as counter,
        pytest.raises(ValueError, match="an interval lies on one core"),
    ):
        counter.intervals(Mark(0, 1), Mark(1, 2))


def test_nothing_is_left_behind() -> None:
    with InstructionCounter() as counter:
        path = counter._plugin._files[0].parent
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize(
    ("version", "has_plugins", "what"),
    [((8, 2, 9), True, "is QEMU 8.2.9"), ((10, 0, 2), False, "was built without plugins")],
)
def test_a_qemu_that_can_not_count(
    version: tuple[int, int, int], has_plugins: bool, what: str
) -> None:
    path = Path("/opt/qemu")
    qemu = Qemu(path, version, has_x2apic=True, has_svm=True, has_plugins=has_plugins)
    with pytest.raises(MachineError) as error, InstructionCounter(qemu=qemu):
        pass
    assert error.value.message == (
        f"/opt/qemu {what}; to count instructions takes the plugins of 9.0 or newer"
    )
    assert "qemu-system-x86" in error.value.fix


def test_the_qemu_of_this_host_counts() -> None:
    assert find_qemu().can_count
