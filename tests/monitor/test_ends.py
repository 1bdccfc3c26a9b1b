"""How sandboxes and runs end: as planned, by a fault of a kernel, by a fault of a monitor."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.machine import ExitKind
from questv.monitor.interface import CrashReason, ExitReason, SandboxState
from questv.plan.build import BuiltSystem, build
from tests.boot.test_refusals import patched
from tests.monitor.test_exits import CPUS
from tests.running import (
    Run,
    boot,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    write_system,
)

TASKS = """
from questv.arch.x86.instructions import pause, write_msr
from questv.kernel.info import info

@task
def work(microseconds: u64) -> None:
    sleep_until(now() + microseconds * 1000)
    log("done")

@task
def spin() -> None:
    log("spinning")
    while True:
        pause()

@task
def sleep_for_ever() -> None:
    sleep_until(FOREVER)

@task
def give_up() -> None:
    panic("no more")

@task
def send_nmis(core: u32, count: u64) -> None:
    for _ in range(count):
        sleep_until(now() + 100_000)
        write_msr(0x830, u64(info.machine.apic_ids[core]) << 32 | 0x4400)
    log("sent")
"""
WORK = task_text("work", microseconds=2000)


def ended(run: Run) -> Run:
    assert run.exit is not None, run.serial
    assert (run.exit.kind, run.exit.value) == (ExitKind.GUEST, 0x10), (run.exit, run.serial)
    assert run.serial == ""
    return run


@pytest.mark.parametrize("cpu", CPUS.values(), ids=CPUS)
@pytest.mark.parametrize("deterministic", [False, True], ids=["parallel", "deterministic"])
def test_who_still_works_is_stopped(tmp_path: Path, cpu: str, deterministic: bool) -> None:
    """Whatever it does: one that spins, one that sleeps, one that has ended before."""
    # On a busy host it takes a while until the last core has started, and given up.
    worker = task_text("work", microseconds=2000 if deterministic else 100_000)
    text = system_text(
        sandbox_text("one", worker),
        sandbox_text("two", task_text("spin")),
        sandbox_text("three", task_text("sleep_for_ever")),
        sandbox_text("four", task_text("give_up")),
        run='until = ["one"]',
    )
    run = ended(boot(tmp_path, text, TASKS, cpu=cpu, deterministic=deterministic))
    states = {name: sandbox.state.name for name, sandbox in run.sandboxes.items()}
    assert states == {"one": "FINISHED", "two": "CUT_OFF", "three": "CUT_OFF", "four": "CRASHED"}
    for name in ("two", "three"):
        # The NMI that ended it is no part of its running.
        assert "NMI" not in run[name].after
        assert run[name].crash.reason == CrashReason.NONE
        assert int(run[name].public.ended) >= int(run["one"].public.ended)


def test_a_crash_is_an_end_too(tmp_path: Path) -> None:
    text = system_text(
        sandbox_text("one", task_text("give_up")),
        sandbox_text("two", task_text("spin")),
        run='until = ["one"]',
    )
    run = ended(boot(tmp_path, text, TASKS))
    assert run["one"].state == SandboxState.CRASHED
    assert run["two"].state == SandboxState.CUT_OFF


def test_the_others_go_on(tmp_path: Path) -> None:
    """A kernel that gives up changes nothing for the others, and the run goes on without it."""
    text = system_text(
        sandbox_text("one", task_text("give_up")),
        sandbox_text("two", WORK),
        sandbox_text("three", WORK),
    )
    run = ended(boot(tmp_path, text, TASKS, deterministic=True))
    crash = run["one"].crash
    assert crash.reason == CrashReason.KERNEL_PANIC
    assert crash.exit == ExitReason.HYPERCALL
    assert run["one"].after == {"HYPERCALL": 1}
    assert run["one"].public.started <= crash.time <= run["one"].public.ended
    for name in ("two", "three"):
        assert run[name].state == SandboxState.FINISHED
        assert run[name].lines == ["done"]
        assert run[name].after == {}
        assert int(run[name].public.ended) > int(run["one"].public.ended)


def test_an_nmi_goes_to_the_monitor(tmp_path: Path) -> None:
    """A kernel that is interrupted by NMIs goes on, awake or asleep, and never sees one."""
    text = system_text(
        sandbox_text(
            "one",
            task_text("send_nmis", name="a", core=1, count=5),
            task_text("send_nmis", 2, name="b", core=2, count=7),
            keys='apic = "direct"',
        ),
        sandbox_text("two", task_text("spin")),
        sandbox_text("three", task_text("work", microseconds=2000)),
        run='until = ["one", "three"]',
    )
    run = ended(boot(tmp_path, text, TASKS, deterministic=True))
    assert run["one"].lines == ["sent", "sent"]
    assert run["two"].after == {"NMI": 5}
    assert run["three"].after == {"NMI": 7}
    assert run["two"].state == SandboxState.CUT_OFF
    assert run["three"].lines == ["done"]


# ---- faults of a monitor -----------------------------------------------------------------------


def monitor_patched(system: BuiltSystem, sandbox: str, codes: dict[str, bytes]) -> bytes:
    """The image with other code at the start of functions, in one sandbox's monitor."""
    text = next(w for w in system.plan.sandbox(sandbox).monitor_windows if w.name == "text")
    image = system.image
    for function, code in codes.items():
        address = system.monitor.symbols.address(function)
        where = text.physical + address - text.address
        image = patched(system, where, code, repair=True, image=image)
    return image


def jump(start: int, target: int) -> bytes:
    """A jump that lies at ``start``."""
    return b"\xe9" + (target - start - 5).to_bytes(4, "little", signed=True)


def with_slow_entry(system: BuiltSystem, sandbox: str) -> bytes:
    """The image with a monitor that counts to a million before each entry of its kernel.

    The counting lies where the monitor's exception handler was; it begins with the instructions
    that it has displaced.
    """
    enter, unused = "questv.arch.x86.svm_run.run_guest", "monitor_exception"
    start, room = map(system.monitor.symbols.address, (enter, unused))
    displaced = bytes.fromhex("55 53 4154 4155")  # push rbp, rbx, r12, r13
    counting = bytes.fromhex("b9 40420f00 e2fe")  # mov ecx, 1_000_000; loop $
    there = displaced + counting
    there += jump(room + len(there), start + len(displaced))
    return monitor_patched(system, sandbox, {enter: jump(start, room), unused: there})


def test_a_deaf_monitor_keeps_no_other_from_being_stopped(tmp_path: Path) -> None:
    """At the run's end those that can be stopped are; one loops with interrupts off for good."""
    text = system_text(
        sandbox_text("one", WORK),
        sandbox_text("deaf", task_text("spin")),
        sandbox_text("three", task_text("spin")),
        sandbox_text("four", task_text("sleep_for_ever")),
        run='until = ["one"]',
    )
    system = build(write_system(tmp_path, text, TASKS))
    image = monitor_patched(system, "deaf", {"questv.monitor.exits._hypercall": b"\xeb\xfe"})
    run = ended(run_system(system, tmp_path, image=image))
    states = {name: sandbox.state.name for name, sandbox in run.sandboxes.items()}
    assert states == {
        "one": "FINISHED",
        "deaf": "ENTERED",
        "three": "CUT_OFF",
        "four": "CUT_OFF",
    }


def test_a_monitor_can_be_stopped_before_it_enters_its_kernel(tmp_path: Path) -> None:
    """Told to stop in the moment before, it does so when it has entered."""
    text = system_text(
        sandbox_text("one", task_text("spin")),
        sandbox_text("two", task_text("spin")),
        sandbox_text("three", task_text("work", microseconds=300)),
        run='until = ["three"]',
    )
    system = build(write_system(tmp_path, text, TASKS))
    image = with_slow_entry(system, "two")
    run = ended(run_system(system, tmp_path, image=image, deterministic=True))
    states = {name: sandbox.state.name for name, sandbox in run.sandboxes.items()}
    assert states == {"one": "CUT_OFF", "two": "CUT_OFF", "three": "FINISHED"}
    assert int(run["two"].public.started) == 0


@pytest.mark.parametrize("cpu", CPUS.values(), ids=CPUS)
@pytest.mark.parametrize(
    ("code", "vector", "error", "length"),
    [
        (b"\x0f\x0b", 6, 0, 0),  # ud2
        (b"\xb8\x00\x00\x34\x12\x89\x00", 14, 2, 5),  # a write to address 0x12340000
        (b"\x31\xc9\xf7\xf1", 0, 0, 2),  # a division by zero
        (b"\x50\x53\x48\x31\xc0\x8e\xd0\x66\xb8\x99\x00\x8e\xd8", 13, 0x98, 11),  # a bad segment
    ],
    ids=["invalid opcode", "page fault", "division", "protection"],
)
def test_an_exception_in_a_monitor(
    tmp_path: Path, cpu: str, code: bytes, vector: int, error: int, length: int
) -> None:
    """Its record is kept and its core parked; nothing else happens to anybody."""
    text = system_text(
        sandbox_text("one", WORK), sandbox_text("two", WORK), sandbox_text("three", WORK)
    )
    system = build(write_system(tmp_path, text, TASKS))
    hypercall = "questv.monitor.exits._hypercall"
    image = monitor_patched(system, "two", {hypercall: code})
    run = ended(run_system(system, tmp_path, image=image, cpu=cpu))
    assert run["two"].state == SandboxState.MONITOR_FAULT
    assert run["two"].lines == []
    crash = run["two"].crash
    assert crash.reason == CrashReason.MONITOR_EXCEPTION
    assert crash.exit == ExitReason.OTHER
    assert (int(crash.code), int(crash.detail)) == (vector, error)
    assert int(crash.cr2) == (0x1234_0000 if vector == 14 else 0)
    assert int(run["two"].public.entered) <= int(crash.time) <= int(run["two"].public.ended)
    assert int(crash.rip) == system.monitor.symbols.address(hypercall) + length
    stack = next(w for w in system.plan.sandbox("two").monitor_windows if w.name == "stack")
    assert stack.address < int(crash.rsp) < stack.address + stack.size
    for name in ("one", "three"):
        assert run[name].state == SandboxState.FINISHED
        assert run[name].lines == ["done"]


@pytest.mark.parametrize("cpu", CPUS.values(), ids=CPUS)
def test_an_exception_while_a_monitor_ends(tmp_path: Path, cpu: str) -> None:
    """The way to its end fails, and fails again for the exception: only its core stops."""
    text = system_text(
        sandbox_text("one", task_text("work", microseconds=50_000)),
        sandbox_text("two", task_text("work", microseconds=1)),
        run='until = ["one"]',
    )
    system = build(write_system(tmp_path, text, TASKS))
    way = "questv.monitor.end.end"
    image = monitor_patched(system, "two", {way: b"\x0f\x0b"})  # ud2
    run = ended(run_system(system, tmp_path, image=image, cpu=cpu))
    assert run["one"].state == SandboxState.FINISHED
    assert run["one"].lines == ["done"]
    crash = run["two"].crash
    assert run["two"].lines == ["done"]
    assert crash.reason == CrashReason.MONITOR_EXCEPTION
    assert int(crash.rip) == system.monitor.symbols.address(way)
