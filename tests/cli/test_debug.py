"""Machines under gdb."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from .typed import EXAMPLES, SCRIPT, SYSTEMS, Process, Questv

HELLO = EXAMPLES / "hello"

needs_gdb = pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed")


def under_gdb(*words: object, commands: list[str]) -> str:
    """What gdb says to its ``commands``."""
    given = [word for command in commands for word in ("-ex", command)]
    command = [SCRIPT, "debug", "--deterministic", *words, "-batch", *given]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def line_of(file: Path, text: str) -> int:
    """The number of the first line with ``text``."""
    lines = file.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@needs_gdb
def test_lines_names_and_structures_of_a_kernel() -> None:
    line = line_of(HELLO / "tasks.py", "answer = ")
    said = under_gdb(
        HELLO,
        commands=[
            f"break tasks.py:{line}",
            "continue",
            "info locals",
            "backtrace",
            "print there.producer.size",
            "print status.running",
        ],
    )
    assert "Thread 1 hit Breakpoint 1, ping (there=" in said
    assert "\nnumber = " in said and "\ni = 0\n" in said
    assert "in task_main () at questv/kernel/jobs.py" in said
    assert "$1 = 4096" in said
    assert "$2 = 0" in said


@needs_gdb
def test_lines_and_names_of_a_process() -> None:
    process = EXAMPLES / "process"
    line = line_of(process / "judge.py", "readings += 1")
    said = under_gdb(
        "--sandbox",
        "court",
        process,
        commands=[f"break judge.py:{line}", "continue", "info locals", "backtrace"],
    )
    assert "Thread 2 hit Breakpoint 1, judge (samples=" in said
    assert "\nsum = " in said and "in process_entry ()" in said


@needs_gdb
def test_the_source_of_a_system_in_a_folder_with_a_space(tmp_path: Path) -> None:
    system = shutil.copytree(HELLO, tmp_path / "my systems" / "hello")
    line = line_of(HELLO / "tasks.py", "answer = ")
    said = under_gdb(system, commands=[f"break tasks.py:{line}", "continue"])
    assert f"\n{line}\t        answer = " in said


@needs_gdb
def test_a_breakpoint_is_for_the_chosen_sandbox_alone() -> None:
    """Every task begins in task_main, at the same address; the other sandbox's does so first."""
    said = under_gdb(
        "--sandbox", "pong", HELLO, commands=["break task_main", "continue", "print info.core"]
    )
    assert "Breakpoints are for sandbox pong alone, on core 1." in said
    assert said.count("hit Breakpoint") == 1 and "Thread 2 hit Breakpoint 1, task_main" in said
    assert "$1 = 1" in said


@needs_gdb
def test_across_the_boundary_to_the_monitor() -> None:
    """Stopped in the monitor, at a hypercall, the kernel's place is known by its line too."""
    said = under_gdb(
        HELLO,
        commands=[
            "break questv/monitor/exits.py:_hypercall",
            "continue",
            "print public.state",
            "info line *guest.rip",
            "break task_main",
            "continue",
        ],
    )
    assert "_hypercall () at questv/monitor/exits.py:" in said
    assert "$1 = ENTERED" in said
    assert 'of "questv/kernel/hypercall.py" starts at address' in said
    assert "Thread 1 hit Breakpoint 2, task_main () at questv/kernel/jobs.py" in said


@needs_gdb
def test_the_machine_waits_and_others_can_look(questv: Questv) -> None:
    said = under_gdb(HELLO, commands=[f"shell {SCRIPT} inspect hello"])
    assert "The machine waits before its first instruction; 'continue' starts it." in said
    assert "Sandboxes" in said and "empty" in said


@needs_gdb
def test_an_image_will_do(tmp_path: Path) -> None:
    image = tmp_path / "hello.elf"
    subprocess.run([SCRIPT, "build", HELLO, "-o", image], check=True, capture_output=True)
    assert "main (number=0) at questv/kernel/main.py" in under_gdb(
        image, commands=["break kernel/main.py:main", "continue"]
    )


@needs_gdb
def test_ctrl_c_is_gdbs_and_other_requests_end_all() -> None:
    """Nothing is left of the machine, for which conftest looks."""
    words = ["-ex", "echo ready\\n", "-ex", "continue"]
    with Process("debug", SYSTEMS / "endless", *words) as process:
        process.await_line("ready")
        process.send(signal.SIGINT)
        process.send(signal.SIGTERM)
        assert process.said().code == 143


@needs_gdb
def test_gdb_does_not_outlive_a_command_that_is_killed() -> None:
    """While it runs it holds the other end of what the command says."""
    read, write = os.pipe()  # what a person would type
    try:
        words = ["-ex", "echo ready\\n"]
        with Process("debug", SYSTEMS / "endless", *words, stdin=read) as process:
            process.await_line("ready")
            process.send(signal.SIGKILL)
            assert process.said().code == -signal.SIGKILL
    finally:
        os.close(read)
        os.close(write)
    removing = [SCRIPT, "run", SYSTEMS / "endless", "--for", "10ms"]  # what a killed one has left
    subprocess.run(removing, check=True, capture_output=True)


def test_what_can_not_be_debugged(
    questv: Questv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = questv("debug", "--sandbox", "pin", HELLO)
    assert said.code == 2
    assert said.err == "error: hello has no sandbox 'pin'\n  fix: did you mean \"ping\"?\n"
    said = questv("debug", "--sandbox", "guest", HELLO.parent / "foreign")
    assert said.code == 2
    assert said.err == (
        "error: sandbox 'guest' has a foreign kernel, whose addresses gdb would misread\n"
        '  fix: write "ours"\n'
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    said = questv("debug", HELLO)
    assert said.code == 1
    assert said.err.startswith("error: there is no gdb on this host\n  fix: ")
