"""What a kernel is told of its tasks: what is called when, with what, and in whose time."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from questv.kernel.info import MAX_TASKS, SandboxInfo, VcpuKind
from questv.kernel.mutexes import Mutex
from questv.metal.structs import sizeof
from questv.plan.build import BuiltSystem, build
from questv.plan.contents import sandbox_info
from questv.plan.model import SandboxPlan, TaskPlan
from tests.running import (
    io_vcpu_text,
    mutex_text,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
    vcpu_text,
    write_system,
)

TASKS = """
class Own(State):
    count: u64
    rows: Array[u64, 600]

@periodic(period="2 ms", budget="100 us", floats=True)
def step(first: Own, gain: f64, limit: i32, ratio: f32, lock: Mutex, second: Own) -> None:
    first.count += u64(gain)
    second.count += u64(ratio)

@initialize(step)
def prepare(limit: i32, second: Own, ratio: f32) -> None:
    second.count = u64(ratio)

@task
def drive(com1: Stream, lock: Mutex, other: Mutex) -> None:
    com1.send(text_bytes("x"), 1)

@task
def rest(other: Mutex) -> None:
    other.lock()
    other.unlock()
"""

COM1 = '[[device]]\nname = "com1"\nkind = "uart"\nowner = "one"\nvcpu = "io"\n'


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    one = sandbox_text(
        "one",
        timed_text("step", keys='deadline = "1 ms"', gain=-1.5, ratio=0.1, limit=-2),
        task_text("drive", 3, keys='vcpu = "shared"'),
        task_text("rest", 9),
        vcpu_text("shared", "3 ms", "1 ms", keys='level = 1\noverrun_budget = "2 ms"'),
        io_vcpu_text("io", 0.125),
        mutex_text("lock", "5 us"),
        mutex_text("other", 777),
    )
    text = system_text(one, COM1)
    return build(write_system(tmp_path_factory.mktemp("calls"), text, TASKS))


@pytest.fixture
def plan(system: BuiltSystem) -> SandboxPlan:
    return system.plan.sandbox("one")


@pytest.fixture
def told(system: BuiltSystem, plan: SandboxPlan) -> SandboxInfo:
    return sandbox_info(plan, system.kernels["one"])


def test_the_order_and_the_kinds(plan: SandboxPlan) -> None:
    assert [(task.name, task.kind) for task in plan.tasks] == [
        ("step", "periodic"),
        ("interrupts of com1", "bottom half"),
        ("drive", "once"),
        ("rest", "once"),
    ]


def test_a_periodic_task_is_called_with_numbers_states_and_mutexes(
    system: BuiltSystem, plan: SandboxPlan, told: SandboxInfo
) -> None:
    step, symbols = told.tasks[0], system.kernels["one"].symbols
    first, second = (state.address for state in plan.tasks[0].states)
    mutexes = symbols.address("kernel_mutexes")
    ratio = struct.unpack("<I", struct.pack("<f", 0.1))[0]
    gain = struct.unpack("<Q", struct.pack("<d", -1.5))[0]
    limit = (1 << 64) - 2
    assert int(step.body.function) == symbols.address("tasks.step")
    assert list(step.body.arguments)[:4] == [first, limit, mutexes, second]
    assert list(step.body.floats)[:2] == [gain, ratio]
    assert int(step.initialize.function) == symbols.address("tasks.prepare")
    assert list(step.initialize.arguments)[:2] == [limit, second]
    assert list(step.initialize.floats)[:1] == [ratio]
    assert (int(step.period), int(step.deadline)) == (2_000_000, 1_000_000)


def test_what_is_called_once(told: SandboxInfo) -> None:
    for index in (2, 3):
        task = told.tasks[index]
        assert int(task.initialize.function) == 0
        assert (int(task.period), int(task.deadline)) == (0, 0)


def test_each_state_has_pages_of_its_own(plan: SandboxPlan) -> None:
    names = [f"state {name} of step" for name in ("first", "second")]
    windows = {w.name: w for w in plan.kernel_windows if w.name.startswith("state ")}
    assert list(windows) == names
    for state, name in zip(plan.tasks[0].states, names, strict=True):
        assert (state.size, windows[name].size) == (8 + 600 * 8, 8192)
        assert (windows[name].address, windows[name].rights) == (state.address, "rw")


def test_vcpus(told: SandboxInfo) -> None:
    found = [told.vcpus[index] for index in range(int(told.vcpu_count))]
    assert [
        tuple(
            int(getattr(vcpu, key))
            for key in ("kind", "level", "budget", "overrun_budget", "period", "utilization")
        )
        for vcpu in found
    ] == [
        (VcpuKind.MAIN, 0, 100_000, 100_000, 2_000_000, 0),
        (VcpuKind.MAIN, 1, 1_000_000, 2_000_000, 3_000_000, 0),
        (VcpuKind.IO, 1, 0, 0, 0, 1 << 29),
        (VcpuKind.BEST_EFFORT, 0, 0, 0, 0, 0),
    ]
    assert [int(told.tasks[index].vcpu) for index in range(4)] == [0, 2, 1, 3]


def test_a_mutex_has_its_most_urgent_user_as_its_ceiling(
    system: BuiltSystem, told: SandboxInfo
) -> None:
    objects = system.kernels["one"].symbols.address("kernel_mutexes")
    assert int(told.mutex_count) == 2
    lock, other = told.mutexes[0], told.mutexes[1]
    assert (int(lock.object), int(lock.ceiling), int(lock.hold)) == (objects, 0, 5000)
    assert (int(other.object), int(other.ceiling), int(other.hold)) == (
        objects + sizeof(Mutex),
        2,
        777,
    )


def test_a_bottom_half_is_told_its_stream_and_the_stream_its_bottom_half(
    system: BuiltSystem, told: SandboxInfo
) -> None:
    symbols = system.kernels["one"].symbols
    half, stream = told.tasks[1], told.streams[0]
    assert int(half.body.function) == symbols.address("kernel_bottom_half")
    assert int(half.body.arguments[0]) == int(stream.object) == symbols.address("kernel_streams")
    assert (int(half.period), int(half.deadline)) == (3_000_000, 0)
    assert (int(stream.task), int(stream.bottom_half)) == (2, 1)


def test_a_bottom_halfs_stack_is_what_it_needs(plan: SandboxPlan) -> None:
    half: TaskPlan = plan.tasks[1]
    assert half.stack_size == -(-half.stack_needed // 4096) * 4096
    assert "stack interrupts of com1" in {window.name for window in plan.kernel_windows}


def test_interrupts_without_a_vcpu_do_their_work_themselves(tmp_path: Path) -> None:
    one = sandbox_text(
        "one",
        timed_text("drive", "3 ms", "1 ms"),
        task_text("rest", 9),
        timed_text("step", gain=1, ratio=1, limit=1),
        mutex_text("lock", 1),
        mutex_text("other", 1),
    )
    system = build(
        write_system(tmp_path, system_text(one, COM1.replace('vcpu = "io"\n', "")), TASKS)
    )
    plan = system.plan.sandbox("one")
    told = sandbox_info(plan, system.kernels["one"])
    assert [task.kind for task in plan.tasks] == ["periodic", "once", "once"]
    assert int(told.streams[0].bottom_half) == MAX_TASKS


def test_the_stack_of_a_task_is_enough_for_what_initializes_it(tmp_path: Path) -> None:
    tasks = """
@periodic
def step() -> None:
    finish()

@initialize(step)
def prepare() -> None:
    room: Array[u64, 1024] = local()
    for i in range(u64(1024)):
        room[i] = i * now()
    log(f"{room[now() & 1023]}")
"""
    one = sandbox_text("one", timed_text("step", "1 ms", "10 us", stack="12 KiB"))
    [step] = build(write_system(tmp_path, system_text(one), tasks)).plan.sandbox("one").tasks
    assert 8192 < step.stack_needed <= 12288
