"""What tasks say: lines in memory, and on a serial port where the sandbox has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.kernel.console import LINE, SLOTS, Console
from questv.machine import MachineKind
from questv.metal.structs import sizeof
from tests.running import Run, boot, sandbox_text, system_text, task_text

TASKS = """
LONG = "0123456789" * 30

@task
def long_lines() -> None:
    log(LONG)
    for _ in range(u64(40)):
        log_part(f"{12345678}")
    log_end()
    log_end()
    log("short again")

@task
def many_lines(count: u64) -> None:
    for i in range(count):
        log(f"line {i + 1}")

@task
def formats() -> None:
    log(f"{u8(255)} {i8(-128)} {u64.MAX} {i64(i64.MIN)} {u32(48879):x} {u8(7):03} {u16(5):4}|")

@task
def mixed(letter: u8, count: u64) -> None:
    for i in range(count):
        for _ in range(u64(20)):
            log_bytes(ptr(letters[u64(letter - 97)]), 1)
            sleep_until(now() + 7_000)
        log_end()

letters: Array[u8, 26] = constant(b"abcdefghijklmnopqrstuvwxyz")
"""


def ended(run: Run) -> Run:
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    return run


def console(run: Run, name: str) -> Console:
    plan = run.system.plan.sandbox(name)
    return Console.view(run.memory(plan.physical(plan.console), sizeof(Console)))


def test_long_lines_are_cut(tmp_path: Path) -> None:
    run = ended(boot(tmp_path, system_text(sandbox_text("one", task_text("long_lines"))), TASKS))
    assert run["one"].lines == [
        ("0123456789" * 30)[:LINE],
        ("12345678" * 40)[:LINE],
        "",
        "short again",
    ]


@pytest.mark.parametrize("count", [1, SLOTS - 1, SLOTS, SLOTS + 1, 3 * SLOTS + 5])
def test_the_newest_lines_are_kept_and_all_are_counted(tmp_path: Path, count: int) -> None:
    text = system_text(sandbox_text("one", task_text("many_lines", count=count)))
    run = ended(boot(tmp_path, text, TASKS))
    first = max(1, count - SLOTS + 1)
    assert run["one"].lines == [f"line {number}" for number in range(first, count + 1)]
    found = console(run, "one")
    numbers = [int(slot.number.load(None)) for slot in found.slots]  # type: ignore[arg-type]
    assert int(found.written.load(None)) == count  # type: ignore[arg-type]
    assert sorted(number for number in numbers if number) == list(range(first, count + 1))
    for number in range(first, count + 1):
        assert numbers[(number - 1) % SLOTS] == number
    times = [int(found.slots[(number - 1) % SLOTS].time) for number in range(first, count + 1)]
    assert times == sorted(times)


def test_formats(tmp_path: Path) -> None:
    run = ended(boot(tmp_path, system_text(sandbox_text("one", task_text("formats"))), TASKS))
    assert run["one"].lines == [
        f"255 -128 {(1 << 64) - 1} {-(1 << 63)} beef 007    5|",
    ]


def test_lines_of_several_tasks_do_not_mix(tmp_path: Path) -> None:
    """They put their lines together a byte at a time, and take turns at every byte."""
    tasks = [
        task_text("mixed", 10 - index, name=name, letter=ord(name), count=4)
        for index, name in enumerate("abcd")
    ]
    text = system_text(sandbox_text("one", *tasks))
    run = ended(boot(tmp_path, text, TASKS, deterministic=True))
    assert sorted(run["one"].lines) == sorted(letter * 20 for letter in "abcd" * 4)
    found = console(run, "one")
    for index, line in enumerate(run["one"].lines):
        assert "abcd"[int(found.slots[index].task)] == line[0]


@pytest.mark.parametrize("kind", MachineKind)
@pytest.mark.parametrize("apic", ["guarded", "direct"])
def test_who_owns_the_serial_port_writes_there_too(
    tmp_path: Path, kind: MachineKind, apic: str
) -> None:
    """Lines long and short, in order; the other sandbox's are in its memory only."""
    keys = f'apic = "{apic}"'
    text = system_text(
        sandbox_text("one", task_text("long_lines"), keys=keys),
        sandbox_text("two", task_text("many_lines", count=3), keys=keys),
        '[[device]]\nname = "com1"\nkind = "uart"\nowner = "one"\n',
    )
    run = ended(boot(tmp_path, text, TASKS, kind=kind))
    # The machine's serial text has its line ends as they were sent.
    assert run.serial.replace("\r\n", "\n").split("\n") == [*run["one"].lines, ""]
    assert len(run["one"].lines) == 4
    assert run["two"].lines == ["line 1", "line 2", "line 3"]
    assert run["one"].after == run["two"].after == {}
