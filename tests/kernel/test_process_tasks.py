"""What tasks do as processes: the same as in a kernel, with the same text."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.channel import ring
from questv.monitor.interface import SandboxState
from questv.plan.build import build
from tests.running import (
    Run,
    four_slot_text,
    input_file,
    ring_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    write_system,
)

PRELUDE = """\
from __future__ import annotations
from questv.{api} import *
from questv.metal.lang import *
from questv.metal.structs import *
"""

TASKS = """
ROUNDS = 500

@task
def ping(there: Sender, back: Receiver) -> None:
    number: u64 = 0
    for _ in range(u64(ROUNDS)):
        Ptr[u64](there.reserve(8, FOREVER))[0] = number
        there.commit()
        number = Ptr[Shared[u64]](back.receive(FOREVER))[0].load(RELAXED)
        back.done()
    log(f"{number} came back")

@task
def pong(there: Receiver, back: Sender) -> None:
    for _ in range(u64(ROUNDS)):
        number = Ptr[Shared[u64]](there.receive(FOREVER))[0].load(RELAXED)
        there.done()
        Ptr[u64](back.reserve(8, FOREVER))[0] = number + 1
        back.commit()

@task
def fill(many: Sender, value: Writer) -> None:
    for number in range(u64(ROUNDS)):
        place = many.reserve(200, FOREVER)
        for i in range(u64(200)):
            place[i] = u8.wrap(number)
        many.commit()
    sleep_until(now() + 2_000_000)
    Ptr[u64](value.begin(8))[0] = 77
    value.publish()

@task
def drain(many: Receiver, value: Reader) -> None:
    message: Array[u8, 200] = local()
    wrong: u64 = 0
    start = now()
    early = value.await_news(start + 1)
    log(f"news {u64(early)}, waited {u64(now() > start)}")
    for number in range(u64(ROUNDS)):
        length = many.read(ptr(message[0]), 200, FOREVER)
        if length != 200 or message[0] != u8.wrap(number) or message[199] != u8.wrap(number):
            wrong += 1
        if number % 100 == 0:
            sleep_until(now() + 100_000)
    nothing = many.read(ptr(message[0]), 200, now() + 1_000_000)
    log(f"{wrong} wrong, then {u64(nothing == NOTHING)}")
    if value.await_news(FOREVER):
        newest = Ptr[Shared[u64]](value.newest(8))[0].load(RELAXED)
        log(f"newest {newest}")

class Sums(State):
    bytes: u64
    scale: f64

@periodic(period="2 ms", budget="1 ms", floats=True)
def digest(file: Input, sums: Sums, factor: f64, least: i32) -> None:
    for i in range(file.length):
        sums.bytes += u64(file.bytes[i])
    sums.scale = sums.scale * factor
    if sums.scale > 10.0:
        log(f"{sums.bytes} {i64(sums.scale * 1000.0)} {least}")
        finish()

@initialize(digest)
def prepare(sums: Sums) -> None:
    sums.scale = 1.0

@task(floats=True)
def compute(seed: u64, period: u64) -> None:
    value = f64(seed)
    for _ in range(u64(200)):
        before = value * 3.0
        sleep_until(now() + period)
        if before != value * 3.0:
            log("a register has changed")
        value = before / 3.0 + 1.0
    log(f"{u64(value)}")
"""

WHERE = {"kernel": ("api", ""), "process": ("process", 'isolation = "process"')}


def write(folder: Path, description: str, **modules: str) -> Path:
    path = write_system(folder, description, "")
    for name, text in modules.items():
        (path / f"{name}.py").write_text(text)
    return path


def systems(one: str, other: str) -> tuple[str, dict[str, str]]:
    """Tasks of one kind on one side of each channel, and of the other kind on the other side."""

    def task(side: str, function: str, priority: int, **bind: float) -> str:
        made = task_text(function, priority, keys=WHERE[side][1], **bind)
        return made.replace("tasks:", f"{side}_tasks:")

    def timed(side: str, function: str, **bind: float) -> str:
        return timed_text(function, keys=WHERE[side][1], **bind).replace("tasks:", f"{side}_tasks:")

    text = system_text(
        sandbox_text(
            "left",
            task(one, "ping", 9),
            task(one, "fill", 8),
            task(one, "compute", 3, seed=5, period=50_000),
            memory="1 MiB",
        ),
        sandbox_text(
            "right",
            task(other, "pong", 9),
            task(other, "drain", 8),
            timed(other, "digest", factor=1.5, least=-7),
            '[[sandbox.input]]\nname = "file"\nsize = "4 KiB"\n',
            memory="1 MiB",
        ),
        ring_text("there", "left", "right"),
        ring_text("back", "right", "left"),
        ring_text("many", "left", "right"),
        four_slot_text("value", "left", "right", 8),
        machine='memory = "32 MiB"',
    )
    modules = {f"{side}_tasks": PRELUDE.format(api=WHERE[side][0]) + TASKS for side in {one, other}}
    return text, modules


def ended(run: Run) -> Run:
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    assert all(each.state == SandboxState.FINISHED for each in run.sandboxes.values())
    return run


@pytest.mark.parametrize(
    ("one", "other"), [("process", "process"), ("process", "kernel"), ("kernel", "process")]
)
def test_channels_inputs_states_and_floats(tmp_path: Path, one: str, other: str) -> None:
    text, modules = systems(one, other)
    system = build(write(tmp_path, text, **modules))
    file = input_file(system, "right", bytes(range(100)), tmp_path)
    run = ended(run_system(system, tmp_path, contents=(file,), timeout=60))
    assert sorted(run["left"].lines) == ["205", "500 came back"]
    assert sorted(run["right"].lines) == [
        "0 wrong, then 1",
        f"{6 * sum(range(100))} 11390 -7",
        "newest 77",
        "news 0, waited 1",
    ]
    for name, sender, receiver in (
        ("there", "left", "right"),
        ("back", "right", "left"),
        ("many", "left", "right"),
    ):
        sent, got = run[sender].ends[name], run[receiver].ends[name]
        assert int(sent.messages) == int(got.messages) == 500
        taken = ring.HEADER + (200 if name == "many" else 8)
        assert int(sent.bytes) == int(got.bytes) == 500 * taken
        for to, back in ((sent, got), (got, sent)):
            # What was rung has woken somebody, came late, or was merged with another.
            assert int(to.woken) + int(to.late) <= int(back.rung)
    assert run["left"].ends["value"].messages == 1


def test_processes_share_no_floating_point_registers(tmp_path: Path) -> None:
    """Two processes and a task of the kernel compute in turn."""
    process = 'isolation = "process"'
    tasks = [
        task_text("compute", 9, name="one", keys=process, seed=5, period=70_000),
        task_text("compute", 8, name="two", keys=process, seed=7, period=50_000),
        task_text("compute", 7, name="own", seed=9, period=60_000).replace("tasks:", "own:"),
    ]
    path = write(
        tmp_path,
        system_text(sandbox_text("all", *tasks, memory="1 MiB")),
        tasks=PRELUDE.format(api="process") + TASKS,
        own=PRELUDE.format(api="api") + TASKS,
    )
    run = ended(run_system(build(path), tmp_path))
    assert sorted(run["all"].lines) == ["205", "207", "209"]


LOOPS = """
@task
def loop() -> None:
    while True:
        asm("pause", None, "")

@task
def starved() -> None:
    log("has had time")
"""
BEATS = """
class Beats(State):
    count: u64

@periodic(period="1 ms", budget="200 us")
def beat(beats: Beats) -> None:
    beats.count += 1
    if beats.count == 20:
        log("20 beats")
        finish()
"""


def test_an_endless_loop_starves_what_is_less_urgent_alone(tmp_path: Path) -> None:
    process = 'isolation = "process"'
    tasks = [
        task_text("loop", 9, keys=process),
        task_text("starved", 1, keys=process),
        timed_text("beat").replace("tasks:", "own:"),
        timed_text("beat", name="far", keys=process).replace("tasks:", "far:"),
    ]
    beats = PRELUDE.format(api="api") + BEATS
    path = write(
        tmp_path,
        system_text(sandbox_text("all", *tasks, memory="1 MiB")),
        tasks=PRELUDE.format(api="process") + LOOPS,
        own=beats,
        far=PRELUDE.format(api="process") + BEATS,
    )
    system = build(path)
    run = run_system(system, tmp_path, deterministic=True, command_line="for=40000000")
    assert run.exit is not None and run["all"].state == SandboxState.CUT_OFF
    assert run["all"].lines == ["20 beats", "20 beats"]
    for index, task in enumerate(system.plan.sandbox("all").tasks):
        if task.name in ("beat", "far"):
            counters = run["all"].status.tasks[index]
            assert (int(counters.misses), int(counters.dropped)) == (0, 0)
