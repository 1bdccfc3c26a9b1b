"""What tasks say: lines in memory, and on a serial port where the sandbox has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.arch.x86.instructions import out8
from questv.kernel.console import SLOTS, Console
from questv.kernel.console_port import start
from questv.kernel.info import SandboxInfo, info
from questv.machine import MachineKind
from questv.metal.interpret.events import Steps
from questv.metal.interpret.interpreter import Interpreter
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program
from questv.metal.structs import sizeof
from questv.text import LINE
from tests.running import Run, boot, sandbox_text, system_text, task_text, timed_text

TASKS = """
from questv.arch.x86.instructions import in8, out8

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

@task
def serial(letter: u8, first: u64, period: u64, count: u64) -> None:
    for i in range(count):
        sleep_until(first + i * period)
        for _ in range(u64(200)):
            log_bytes(ptr(letters[u64(letter - 97)]), 1)
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


UART = '[[device]]\nname = "{}"\nkind = "uart"\nowner = "one"\n'


def test_lines_do_not_mix_on_the_serial_port(tmp_path: Path) -> None:
    """Urgent tasks have lines to send while less urgent ones are sending theirs."""
    begin, period, count = 20_000_000, 1_000_000, 30
    tasks = [
        task_text(
            "serial",
            1 + index,
            name=name,
            letter=ord(name),
            first=begin + index * 3_000,
            period=period + 300 * index,
            count=count,
        )
        for index, name in enumerate("abcd")
    ]
    text = system_text(sandbox_text("one", *tasks), UART.format("com1"))
    run = ended(boot(tmp_path, text, TASKS, deterministic=True))
    lines = run.serial.split("\r\n")
    assert lines.pop() == ""
    assert sorted(lines) == sorted(letter * 200 for letter in "abcd" * count)
    assert lines[-SLOTS:] == run["one"].lines  # in the same order
    switches = sum(int(task.switches) for task in run["one"].status.tasks)
    assert switches > 3 * len(lines) // 2, "they hardly met"


def test_a_serial_port_is_set_up_by_its_owner() -> None:
    """115200 baud, 8 data bits, no interrupts; the boot has set up the first port only."""
    written: dict[tuple[int, bool], int] = {}

    def write(port: int, value: int) -> Steps[None]:
        yield from ()
        latched = written.get((0x2FB, False), 0) & 0x80 != 0 and port in (0x2F8, 0x2F9)
        written[port, latched] = value

    memory = Memory()
    domain = Interpreter(Program(), memory, models={out8: write})
    own = memory.view(SandboxInfo, domain.variable(info).start)
    domain.run(start)
    assert not written
    own.console_port = 0x2F8
    domain.run(start)
    assert written == {
        (0x2F8, True): 1,
        (0x2F9, True): 0,
        (0x2F9, False): 0,
        (0x2FA, False): 7,
        (0x2FB, False): 3,
        (0x2FC, False): 0x0B,  # else a PC does not let its interrupt through
    }


# ---- lines of tasks that must not wait ---------------------------------------------------------

URGENT = """
@task
def urgent(lines: u64, pause: u64) -> None:
    worst: u64 = 0
    for i in range(lines):
        before = now()
        log(f"line {i + 1}")
        worst = max(worst, now() - before)
        if pause != 0:
            sleep_until(now() + pause)
    log(f"at most {worst}")

@task
def patient(lines: u64) -> None:
    for i in range(lines):
        log(f"patient {i + 1}")

@task
def holds(m: Mutex, lines: u64) -> None:
    m.lock()
    for i in range(lines):
        log(f"line {i + 1}")
    m.unlock()

@task
def gives_up(lines: u64) -> None:
    for i in range(lines):
        log(f"line {i + 1}")
    panic("enough")

@task
def faults(lines: u64) -> None:
    for i in range(lines):
        log(f"line {i + 1}")
    Ptr[u64](0)[0] = 1

@task
def spins(lines: u64) -> None:
    for i in range(lines):
        log(f"line {i + 1}")
    while True:
        pass
"""


def sent(run: Run) -> list[str]:
    """The lines on the serial port, all whole."""
    *lines, rest = run.serial.split("\r\n")
    assert rest == ""
    return lines


def serial_run(folder: Path, *parts: str, **options: object) -> Run:
    text = system_text(sandbox_text("one", *parts), UART.format("com1"))
    return ended(boot(folder, text, URGENT, deterministic=True, **options))


def urgent(lines: int, pause: int) -> str:
    return timed_text("urgent", "100 ms", "50 ms", lines=lines, pause=pause)


def test_who_has_a_budget_does_not_wait_for_the_port(tmp_path: Path) -> None:
    """Its lines are sent while the core is idle, as many bytes as there is time for."""
    run = serial_run(tmp_path, urgent(lines=30, pause=2_000))
    assert sent(run) == run["one"].lines == [*(f"line {i + 1}" for i in range(30)), sent(run)[-1]]
    assert int(sent(run)[-1].removeprefix("at most ")) < 600  # instructions; a line takes 1000
    assert int(run["one"].status.unsent_lines) == 0


def test_best_effort_sends_the_lines_of_others_before_its_own(tmp_path: Path) -> None:
    run = serial_run(tmp_path, urgent(lines=10, pause=0), task_text("patient", lines=3))
    assert sent(run) == run["one"].lines
    assert sent(run)[-3:] == ["patient 1", "patient 2", "patient 3"]


def test_lines_that_there_was_no_time_for_are_counted(tmp_path: Path) -> None:
    """The oldest are left out, and the port says how many; the newest are sent at the end."""
    run = serial_run(tmp_path, urgent(lines=100, pause=0))
    left_out = 101 - SLOTS
    note = f"({left_out} of the lines before this were not sent in time)"
    assert sent(run) == [note, *run["one"].lines]
    assert len(run["one"].lines) == SLOTS
    assert int(run["one"].status.unsent_lines) == left_out


def test_a_line_that_is_begun_is_sent_whole(tmp_path: Path) -> None:
    """Though its place in the ring has been taken by then."""
    run = serial_run(tmp_path, urgent(lines=200, pause=200), command_line="for=50000000")
    numbers = [int(line.split()[1]) for line in sent(run) if line.startswith("line ")]
    notes = [int(line[1:].split()[0]) for line in sent(run) if line.startswith("(")]
    assert notes and len(numbers) + sum(notes) == 200
    assert numbers == sorted(set(numbers))
    assert sum(notes) == int(run["one"].status.unsent_lines)


def test_who_holds_a_mutex_does_not_wait_for_the_port(tmp_path: Path) -> None:
    """The others would wait with it."""
    run = serial_run(
        tmp_path,
        task_text("holds", 2, name="a", m="m", lines=SLOTS + 5),
        task_text("holds", 1, name="b", m="m", lines=0),
        '[[sandbox.mutex]]\nname = "m"\nhold = "1 ms"\n',
    )
    assert sent(run)[0].startswith("(5 of the lines")
    assert sent(run)[1:] == run["one"].lines


@pytest.mark.parametrize("function", ["gives_up", "faults", "spins"])
def test_what_is_left_is_sent_at_the_end(tmp_path: Path, function: str) -> None:
    """Of a kernel that gives up, or whose time is over, too."""
    task = timed_text(function, "100 ms", "50 ms", lines=10)
    run = serial_run(tmp_path, task, command_line="for=30000000")
    assert sent(run) == run["one"].lines
    assert len(sent(run)) == (10 if function == "spins" else 11)
