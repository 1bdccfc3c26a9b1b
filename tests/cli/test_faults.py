"""What is shown of sandboxes that are stopped, and what becomes of the others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from questv.attacks import memory
from questv.inspect.report import RunReport
from tests.inspect.machines import ATTACKS, orders, plan_of

from .typed import Questv, Said, copied

PANIC, DIVIDE, INDEX, STRAY, PORT = range(1, 6)  # as in systems/faults/tasks.py

CALLERS = """\
  ADDRESS  misbehave  tasks.py:15
  ADDRESS  call
  ADDRESS  task_main  questv/kernel/jobs.py:LINE
"""


def run(questv: Questv, folder: Path, fault: int, argument: int, *words: object) -> Said:
    system = copied("faults", folder, bind=f"{{ fault = {fault}, argument = {argument} }}")
    return questv("run", system, *words)


def shown_crash(said: Said, culprit: str = "culprit") -> str:
    """The paragraph on a crash, without what changes with each change of the kernel."""
    (found,) = [part for part in said.out.split("\n\n") if part.startswith(f"{culprit} ")]
    found = re.sub(r"at \d+\.\d{6} s", "at TIME s", found)
    found = re.sub(r"(questv/\S+):\d+", r"\1:LINE", found)
    return re.sub(r"(?m)^  0x4000[0-9a-f]{4}  ", "  ADDRESS  ", found) + "\n"


@pytest.mark.parametrize(
    ("fault", "argument", "text"),
    [
        (
            PANIC,
            0,
            "culprit panicked: nothing makes sense [any more]\n"
            "  in task misbehave, at TIME s; innermost call first:\n"
            "  ADDRESS  perform    tasks.py:22\n",
        ),
        (
            DIVIDE,
            0,
            "culprit panicked: division by zero, or of the smallest value by minus one\n"
            "  in task misbehave, at TIME s; innermost call first:\n"
            "  ADDRESS  divide     tasks.py:35\n"
            "  ADDRESS  perform    tasks.py:24\n",
        ),
        (
            INDEX,
            100,
            "culprit panicked: array index out of range\n"
            "  in task misbehave, at TIME s; innermost call first:\n"
            "  ADDRESS  store      tasks.py:40\n"
            "  ADDRESS  perform    tasks.py:26\n",
        ),
        (
            STRAY,
            0x10_0000,
            "culprit panicked: page fault writing to 0x100000, where it has no memory\n"
            "  in task misbehave, at TIME s; innermost call first:\n"
            "  ADDRESS  perform    tasks.py:28\n",
        ),
    ],
)
def test_a_panic(fault: int, argument: int, text: str, questv: Questv, tmp_path: Path) -> None:
    said = run(questv, tmp_path, fault, argument, "--checks")
    assert (said.code, said.err) == (1, "")
    assert shown_crash(said) == text + CALLERS
    assert "  worker/work        the work is done\n" in said.out  # the other is not disturbed
    assert said.out.splitlines()[-2] == "failed: culprit crashed"


def test_the_monitor_stops_what_a_kernel_may_not_do(questv: Questv, tmp_path: Path) -> None:
    said = run(questv, tmp_path, PORT, 0x70)
    assert said.code == 1
    shown = shown_crash(said)
    assert shown.startswith(
        "culprit wrote to port 0x70 (the real-time clock (CMOS)), which is not its own\n"
        "  in task misbehave, at TIME s; innermost call first:\n"
        "  ADDRESS  out8       questv/arch/x86/instructions.py:LINE\n"
        "  ADDRESS  perform    tasks.py:30\n" + CALLERS + "  rip    000000004000"
    )
    assert "  rdx    0000000000000070" in shown
    assert "  1 port\n" in said.out  # the exit is counted


def test_an_index_is_not_checked_unless_asked_for(questv: Questv, tmp_path: Path) -> None:
    assert run(questv, tmp_path, INDEX, 9).code == 0


def test_a_crash_is_shown_when_it_happens(questv: Questv, tmp_path: Path) -> None:
    out = run(questv, tmp_path, PANIC, 0).out
    assert out.index("about to misbehave") < out.index("innermost call first")
    assert out.index("innermost call first") < out.index("the work is done")


def test_a_crash_in_the_report(questv: Questv, tmp_path: Path) -> None:
    said = run(questv, tmp_path, DIVIDE, 0, "--json")
    report = RunReport.model_validate_json(said.out)
    (culprit,) = report.crashed
    assert said.code == 1 and not report.succeeded
    assert (culprit.name, culprit.state) == ("culprit", "crashed")
    assert culprit.crash is not None and culprit.crash.panic is not None
    assert culprit.crash.kind == "kernel panic" and culprit.crash.task == "misbehave"
    trace = [(frame.function, frame.file, frame.line) for frame in culprit.crash.panic.trace]
    assert trace[:3] == [
        ("divide", "tasks.py", 35),
        ("perform", "tasks.py", 24),
        ("misbehave", "tasks.py", 15),
    ]


def test_another_kernels_memory_is_named(questv: Questv, tmp_path: Path) -> None:
    victim = plan_of(ATTACKS).sandbox("middle").kernel_windows[0].physical
    file = tmp_path / "orders"
    file.write_bytes(orders(memory.write, victim))
    said = questv("run", ATTACKS, "--input", f"orders={file}")
    assert said.code == 1
    assert shown_crash(said, "attacker").startswith(
        f"attacker wrote to {victim:#x} (memory of sandbox 'middle': its text), which is outside "
        "its view\n  in task attack, at TIME s; innermost call first:\n"
    )
    assert re.search(r"1\s+page fault", said.out)
    assert said.out.splitlines()[-2] == "failed: attacker crashed"
