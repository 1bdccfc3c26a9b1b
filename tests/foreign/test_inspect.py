"""Looking into sandboxes with foreign kernels: consoles, crash records, reports."""

from __future__ import annotations

import functools
import json
import re
import tempfile
from pathlib import Path

import pytest

from questv.inspect.inspector import Inspector
from questv.inspect.model import CrashReport
from tests.foreign.kernels import HEAD, STARTED
from tests.foreign.test_monitor import system
from tests.inspect.machines import Copied, programs
from tests.running import questv, run_system

EXAMPLE = Path(__file__).parents[2] / "examples" / "foreign"

CALLS = """
_start: xor     ebp, ebp
        push    rbp
{before}
        call    outer
        ud2
        .type   outer, @function
outer:  push    rbp
        mov     rbp, rsp
        call    inner
        ud2
        .type   inner, @function
inner:  push    rbp
        mov     rbp, rsp
        mov     rax, [0x280000]
"""
# The same memory at 0x80_0000_0000 on, and the stack and the code there from now on.
MOVED = """
        mov     rax, cr3
        mov     rdx, [rax]
        mov     [rax + 8], rdx
        mov     cr3, rax
        movabs  rdx, 0x8000000000
        add     rsp, rdx
        lea     rax, [rip + 1f]
        add     rax, rdx
        jmp     rax
1:
"""
KERNELS = {
    "calls": f"{HEAD}{CALLS.format(before='')}",
    "moved": f"{HEAD}{CALLS.format(before=MOVED)}",
    "frames": f"{HEAD}_start: mov rbp, rsp\n sub rbp, 4080\n mov [rbp], rbp\n mov rax, [0x280000]",
    "lost": f"{HEAD}_start: mov rbp, 0x123456789000\n mov rax, [0x280000]",
    "port": f"{HEAD}_start: {STARTED} in al, 0x60",
    "panic": f"{HEAD}_start: mov eax, 3\n mov edi, 7\n vmmcall",
    "page": f"{HEAD}_start: mov [rdi], rdi",
}


@functools.cache
def inspector() -> Inspector:
    with tempfile.TemporaryDirectory() as folder:
        kernels = {name: ("stop", source) for name, source in KERNELS.items()}
        made = system(Path(folder), kernels, [*KERNELS, "ours"])
        run = run_system(made, Path(folder))
        assert run.exit is not None, run.serial
        return Inspector(made.plan, programs(made), Copied(run))


def crash(name: str) -> CrashReport:
    [found] = inspector().crashes(name)
    return found


def test_calls_have_the_names_of_the_file() -> None:
    assert [frame.function for frame in crash("calls").trace] == ["inner", "outer", "_start"]
    assert all(frame.line == 0 and frame.file == "" for frame in crash("calls").trace)


def test_calls_are_found_through_the_kernels_own_page_tables() -> None:
    trace = crash("moved").trace
    assert len(trace) == 3
    assert all(0x80_0010_0000 <= frame.address < 0x80_0010_1000 for frame in trace)


@pytest.mark.parametrize("name", ["frames", "lost"])
def test_a_stack_that_leads_nowhere_ends_there(name: str) -> None:
    assert [frame.function for frame in crash(name).trace][:1] == ["_start"]
    assert len(crash(name).trace) <= 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("calls", "read from 0x280000 (beyond its memory, which ends at 0x200000), which is "
                  "outside its view"),
        ("page", "wrote to 0x200000 (its own info), which it may only read"),
        ("port", "read from port 0x60 (the keyboard controller), which is not its own"),
        ("panic", "panicked (rdi 0x7)"),
    ],
)  # fmt: skip
def test_reasons(name: str, reason: str) -> None:
    assert crash(name).reason == reason
    assert crash(name).task is None and crash(name).panic is None


def test_what_only_kernels_of_ours_count_is_not_there() -> None:
    found = {sandbox.name: sandbox for sandbox in inspector().sandboxes()}
    assert found["port"].kernel == "port.s" and found["ours"].kernel is None
    assert found["port"].timer_interrupts is None and found["ours"].timer_interrupts is not None
    assert found["port"].doorbells is None and found["port"].spurious_interrupts is None
    assert found["port"].tasks == ()
    assert found["port"].exits.after["port"] == 1


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("reports")
    found = []
    for number in range(2):
        file = folder / f"{number}.json"
        assert "ended as planned" in questv(
            "run", EXAMPLE, "--deterministic", "--report", file, timeout=120
        )
        found.append(file.read_bytes())
    return found


def test_two_deterministic_runs_are_alike(reports: list[bytes]) -> None:
    assert reports[0] == reports[1]


def test_the_report_has_its_lines_and_its_end(reports: list[bytes], tmp_path: Path) -> None:
    report = json.loads(reports[0])
    [guest] = [each for each in report["sandboxes"] if each["kernel"]]
    assert (guest["kernel"], guest["state"]) == ("hello.s", "finished")
    [console] = [each for each in report["console"] if each["sandbox"] == guest["name"]]
    assert [line["text"] for line in console["lines"]] == ["hello from a foreign kernel"]
    assert console["lines"][0]["time"] > 0
    file = tmp_path / "run.json"
    file.write_bytes(reports[0])
    assert "hello from a foreign kernel" in questv("inspect", file)


def test_a_run_shows_it() -> None:
    said = questv("run", EXAMPLE)
    assert re.search(r"guest +hello from a foreign kernel\n", said)
    assert re.search(r"guest +0 +finished +[\d.]+ +[\d.]+ +- +- +none\n", said)


def test_the_plan_shows_it() -> None:
    said = questv("check", EXAMPLE)
    assert "Foreign kernels" in said and "0x100000, 64-bit" in said
