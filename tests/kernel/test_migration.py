"""Tasks that move between running kernels, with their memory, registers, budget and channels."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from questv.kernel.processes import Process
from questv.metal.structs import sizeof
from questv.monitor.interface import SandboxState
from questv.monitor.plan import MonitorPlan
from questv.plan import contents
from questv.plan.build import BuiltSystem, build
from questv.plan.model import Plan, ProcessPlan, SandboxPlan
from tests.audit.subjects import audited
from tests.running import (
    Run,
    ring_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    write_system,
)

PROCESS_PRELUDE = """\
from __future__ import annotations
from questv.process import *
from questv.metal.lang import *
from questv.metal.structs import *
"""

ROAMER = """
class Sums(State):
    calls: u64
    messages: u64
    sum: u64
    wrong: u64

@periodic(period="4 ms", budget="1500 us", floats=True)
def roam(there: Receiver, back: Sender, sums: Sums, most: u64, messages: u64) -> None:
    # A value in a register, and one in a floating-point register, over all of the call.
    number = sums.calls * 3 + 1
    factor = f64(number)
    spent = now()
    for i in range(u64(25_000)):
        number = number * 5 + i
        factor = factor * 1.0000001
    again = sums.calls * 3 + 1
    check = f64(again)
    for i in range(u64(25_000)):
        again = again * 5 + i
        check = check * 1.0000001
    if again != number or check != factor:
        sums.wrong += 1
    while True:
        message = there.receive(now() + 100_000)
        if message.is_null():
            break
        value = Ptr[Shared[u64]](message)[0].load(RELAXED)
        there.done()
        sums.messages += 1
        sums.sum += value
        Ptr[u64](back.reserve(8, FOREVER))[0] = value + 1
        back.commit()
    sums.calls += 1
    if sums.calls >= most and sums.messages == messages:
        log(f"{sums.messages} messages, sum {sums.sum}, {sums.wrong} wrong")
        finish()
"""

OWN = """
from questv.kernel import movers, moves, processes
from questv.kernel.info import info

@metal
def it_has_ended() -> bool:
    for i in range(info.task_count):
        if info.tasks[i].moves != 0:
            return moves.has_ended(moves.look(processes.of_task(u64(i)).mover.move[0]))
    return False

@periodic(period="1 ms", budget="200 us")
def load(turns: u64) -> None:
    # Others' work, which must be done in time whoever comes and goes.
    for i in range(turns):
        asm("nop", None, "")
    if it_has_ended():
        finish()

@periodic(period="700 us", budget="50 us")
def nag(place: u64) -> None:
    # Asks again and again for every task that moves to go elsewhere.
    for i in range(info.task_count):
        if info.tasks[i].moves != 0 and now() > 2_000_000:
            movers.request(processes.of_task(u64(i)), place)
    if it_has_ended():
        finish()

@task
def ask(there: Sender, back: Receiver, messages: u64) -> None:
    wrong: u64 = 0
    for i in range(messages):
        Ptr[u64](there.reserve(8, FOREVER))[0] = i
        there.commit()
        value = Ptr[Shared[u64]](back.receive(FOREVER))[0].load(RELAXED)
        back.done()
        if value != i + 1:
            wrong += 1
        sleep_until(now() + i * 7919 % 600_000)
    log(f"{wrong} wrong")
"""

MIGRATION = '[sandbox.migration]\nperiod = "200 us"\nbudget = "20 us"\n'
MOVES = 'isolation = "process"\nmigrates_to = ["two"]'
CALLS, MESSAGES = 40, 60


def load_text(name: str = "load") -> str:
    return timed_text("load", name=name, turns=20_000).replace('"tasks:', '"own:')


def own_text(function: str, period: str | None = None, **bind: int) -> str:
    return timed_text(function, period, **bind).replace('"tasks:', '"own:')


def write(folder: Path, text: str, roamer: str = ROAMER, own: str = OWN) -> Path:
    path = write_system(folder, text, own)
    (path / "own.py").write_text((path / "tasks.py").read_text())
    (path / "tasks.py").write_text(PROCESS_PRELUDE + roamer)
    return path


def roamer_text(calls: int = CALLS, messages: int = MESSAGES) -> str:
    bind = {"there": "there", "back": "back", "most": calls, "messages": messages}
    return timed_text("roam", keys=MOVES, **bind)


def system(
    one: str = "", two: str = "", third: str = "", calls: int = CALLS, messages: int = MESSAGES
) -> str:
    """A task of ``one`` that can be in ``two``, joined to one of ``third``."""
    asks = task_text("ask", messages=messages, there="there", back="back")
    return system_text(
        sandbox_text("one", MIGRATION, roamer_text(calls, messages), one, memory="1 MiB"),
        sandbox_text("two", MIGRATION, two, memory="1 MiB"),
        sandbox_text("third", asks.replace('"tasks:', '"own:'), third),
        ring_text("there", "third", "one"),
        ring_text("back", "one", "third"),
        machine='memory = "32 MiB"',
    )


def process_of(system: BuiltSystem, sandbox: str) -> tuple[SandboxPlan, ProcessPlan]:
    plan = system.plan.sandbox(sandbox)
    [process] = plan.processes
    return plan, process


def record(run: Run, sandbox: str) -> Process:
    """What a kernel knows of the task that moves."""
    plan, process = process_of(run.system, sandbox)
    return Process.view(run.memory(plan.physical(process.object), sizeof(Process)))


def ended(run: Run) -> Run:
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial[-500:])
    states = {name: each.state for name, each in run.sandboxes.items()}
    assert set(states.values()) == {SandboxState.FINISHED}, states
    return run


def counters(run: Run, sandbox: str) -> Iterator[tuple[str, int, int, int]]:
    """Each task's releases, misses and dropped releases."""
    for index, task in enumerate(run.system.plan.sandbox(sandbox).tasks):
        found = run[sandbox].status.tasks[index]
        yield task.name, int(found.releases), int(found.misses), int(found.dropped)


def in_time(run: Run) -> None:
    """No kernel has broken a promise."""
    for name in run.sandboxes:
        for task, _, misses, dropped in counters(run, name):
            assert (misses, dropped) == (0, 0), (name, task, misses, dropped)


def busy() -> str:
    """All that can be asked of two kernels."""
    return system(
        one=own_text("nag", place=1) + load_text(),
        two=own_text("nag", "900 us", place=0) + load_text(),
    )


@functools.cache
def moved(folder: Path, skew: int = 0) -> Run:
    path = write(folder, busy())
    return run_system(built(path, skew), folder, deterministic=True, timeout=120)


def built(path: Path, skew: int) -> BuiltSystem:
    """A system whose second core's counter is ahead by so many ticks."""
    original = contents.monitor_plan

    def monitor_plan(plan: Plan, sandbox: SandboxPlan) -> MonitorPlan:
        made = original(plan, sandbox)
        made.tsc_skew = skew if sandbox.name == "two" else 0
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "monitor_plan", monitor_plan)
        return build(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("migration")


@pytest.mark.parametrize("skew", [0, 3_000_000_000])
def test_a_task_moves_again_and_again(folder: Path, skew: int) -> None:
    """In the middle of its calls and between them, with messages coming; all keeps its time."""
    run = ended(moved(folder / str(skew), skew))
    wanted = f"{MESSAGES} messages, sum {sum(range(MESSAGES))}, 0 wrong"
    assert run["one"].lines + run["two"].lines == [wanted]
    assert run["third"].lines == ["0 wrong"]
    in_time(run)
    one, two = (record(run, name).mover.counters for name in ("one", "two"))
    assert int(one.sent) >= 10
    assert int(one.sent) - int(two.sent) in (0, 1)
    assert (int(one.received), int(two.received)) == (int(two.sent), int(one.sent))
    assert int(one.refused) == int(two.refused) == int(one.returned) == int(two.returned) == 0
    releases = [{task: calls for task, calls, *_ in counters(run, name)} for name in ("one", "two")]
    assert releases[0]["roam"] + releases[1]["one.roam"] >= CALLS
    assert min(releases[0]["roam"], releases[1]["one.roam"]) > 5


def test_the_audit_knows_what_is_shared(folder: Path) -> None:
    assert audited(moved(folder / "0", 0).system).verdict == "proven"


# ---- kernels that fail -------------------------------------------------------------------------

FAIL = """
@task
def fail_at(moment: u64) -> None:
    sleep_until(moment)
    panic("a fault")

@periodic(period="97 us", budget="20 us")
def fail_when_offered() -> None:
    for i in range(info.task_count):
        if info.tasks[i].moves != 0:
            if moves.is_offered_by(moves.look(processes.of_task(u64(i)).mover.move[0]), 0):
                panic("a fault")
"""


def test_a_task_stays_if_the_other_kernel_has_failed(tmp_path: Path) -> None:
    """What is offered to a kernel that is no more comes back, and its deadlines are kept."""
    text = system(
        one=own_text("nag", place=1) + load_text(),
        two=task_text("fail_at", moment=1_000_000).replace('"tasks:', '"own:'),
    )
    made = build(write(tmp_path, text, own=OWN + FAIL))
    run = run_system(made, tmp_path, deterministic=True, timeout=120)
    assert run.exit is not None, run.serial
    assert run["two"].state == SandboxState.CRASHED
    assert run["one"].state == run["third"].state == SandboxState.FINISHED
    in_time(run)
    found = record(run, "one").mover.counters
    assert int(found.returned) >= 5
    assert run["one"].lines == [f"{MESSAGES} messages, sum {sum(range(MESSAGES))}, 0 wrong"]
    assert run["third"].lines == ["0 wrong"]


def test_a_task_that_was_offered_outlives_the_kernel_that_offered_it(tmp_path: Path) -> None:
    """The kernel fails with its offer made, before it hears whether the other has taken it."""
    text = system(
        one=own_text("nag", place=1) + own_text("fail_when_offered"),
        two=own_text("nag", "900 us", place=0) + load_text(),
    )
    made = build(write(tmp_path, text, own=OWN + FAIL))
    run = run_system(made, tmp_path, deterministic=True, timeout=120)
    assert run.exit is not None, run.serial
    assert run["one"].state == SandboxState.CRASHED
    assert run["two"].state == run["third"].state == SandboxState.FINISHED
    assert run["two"].lines == [f"{MESSAGES} messages, sum {sum(range(MESSAGES))}, 0 wrong"]
    assert run["third"].lines == ["0 wrong"]
    found = record(run, "two").mover.counters
    # The one never learned that the other took it; the other could not send it back.
    assert int(found.received) == int(record(run, "one").mover.counters.sent) + 1
    assert int(found.returned) > 0
    in_time(run)


# ---- a kernel that lies ------------------------------------------------------------------------

LIES = """
from questv.arch.x86.instructions import read_tsc
from questv.kernel import vcpus
from questv.kernel.moves import Luggage

@metal
def offer_to_two(process: processes.Process) -> bool:
    # Say that the task is offered to place 1, and whether that was refused.
    move = process.mover.move[0]
    word = moves.look(move)
    number = (word >> 24) + 1
    move.word.store(number << 24 | 1 << 16 | 1 << 8, RELEASE)
    while moves.look(move) >> 24 == number:
        sleep_until(now() + 100_000)
    return moves.is_held(moves.look(move), 0)

@metal
def luggage_of(process: processes.Process) -> Ptr[Luggage]:
    # What would be believed: the task waits, and has all of its budget.
    luggage = Ptr[Luggage](u64(process.mover.move) + 64)
    luggage[0].in_call = 0
    luggage[0].floats.mxcsr = 0x1F80
    luggage[0].release = now() + 1_000_000
    luggage[0].pieces = 1
    luggage[0].budget[0].time = read_tsc() - info.machine.start_tsc
    luggage[0].budget[0].amount = vcpus.vcpus[info.tasks[roaming()].vcpu].budget
    return luggage

@metal
def roaming() -> u64:
    for i in range(info.task_count):
        if info.tasks[i].moves != 0:
            return u64(i)
    return 0

@task
def lie(wild: u64) -> None:
    process = processes.of_task(roaming())
    refused: u64 = 0
    sleep_until(3_000_000)
    for kind in range(u64(14)):
        luggage = luggage_of(process)[0]
        budget = luggage.budget[0].amount
        match kind:
            case 0: luggage.in_call = 2
            case 1:
                luggage.in_call = 1
                luggage.registers.rip = 0x4000_0000
            case 2:
                luggage.in_call = 1
                luggage.registers.rip = 1 << 63
            case 3: luggage.floats.mxcsr = 0xFFFF_FFFF
            case 4: luggage.pieces = 0
            case 5: luggage.pieces = 17
            case 6: luggage.pieces = 1 << 63
            case 7: luggage.budget[0].amount = budget - 1
            case 8: luggage.budget[0].amount = budget + 1
            case 9: luggage.budget[0].amount = u64.MAX
            case 10: luggage.budget[0].time = u64.MAX
            case 11:
                luggage.pieces = 2
                luggage.budget[1].time = luggage.budget[0].time
                luggage.budget[0].amount = budget // 2
                luggage.budget[1].amount = budget - budget // 2
            case 12:
                luggage.pieces = 2
                luggage.budget[1].time = luggage.budget[0].time + budget
                luggage.budget[1].amount = 0
            case _:
                luggage.budget[0].amount = 0
        if offer_to_two(process):
            refused += 1
        else:
            log(f"lie {kind} was believed")
    log(f"{refused} refused")
    # What a processor takes, and no process has: privileged flags, a stack that is not there.
    luggage = luggage_of(process)[0]
    luggage.in_call = 1
    luggage.registers.rip = process.info[0].program
    luggage.registers.rsp = 1 << 63
    luggage.registers.rflags = u64.MAX
    luggage.release = u64.MAX
    if not offer_to_two(process):
        log("taken")
"""


def test_a_kernel_that_lies_ruins_no_more_than_the_task(tmp_path: Path) -> None:
    """The other refuses what would harm it; what would not, happens to the task."""
    lie = task_text("lie", wild=1).replace('"tasks:', '"own:')
    text = system(one=lie, two=load_text(), calls=1 << 30)
    made = build(write(tmp_path, text, own=OWN + LIES))
    run = run_system(made, tmp_path, deterministic=True, timeout=120, command_line="for=60000000")
    assert run.exit is not None, run.serial
    assert run["one"].lines == ["14 refused", "taken"]
    found = record(run, "two")
    assert (int(found.mover.counters.refused), int(found.mover.counters.received)) == (14, 1)
    assert int(found.fault.kind) != 0
    assert run["two"].state == SandboxState.FINISHED
    assert int(run["two"].status.panic.reason) == 0
    loads = {task: missed for task, _, missed, _ in counters(run, "two") if task == "load"}
    assert loads == {"load": 0}
