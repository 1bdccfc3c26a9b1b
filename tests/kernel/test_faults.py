"""Every way in which a kernel gives up: what it leaves in its panic record and on its console.

All faults of one build happen in one run, each in a sandbox of its own.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest

from questv.kernel.info import SandboxInfo
from questv.kernel.tasks import NOBODY
from questv.metal.tree import TrapKind
from questv.monitor.interface import PANIC_TEXT, CrashReason, PanicReason, SandboxState
from questv.plan import addresses, contents
from questv.plan.build import build
from questv.plan.contents import sandbox_info
from questv.plan.model import SandboxPlan
from questv.plan.programs import Program
from tests.running import (
    PRELUDE,
    Run,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    write_system,
)

FIRST = """
from questv.metal.lang import asm, trap

zero: Volatile[u64] = static(0)
table: Array[u64, 4] = static([1, 2, 3, 4])
LONG = "a long story " * 20

@task
def before() -> None:
    log("before")
"""


@dataclass(frozen=True)
class Fault:
    """The line that goes wrong, and what is left of it: a trap, or an exception's data."""

    line: str
    trap: TrapKind | None = None
    vector: int = 0
    error: int = 0
    address: int = 0


GUARD = addresses.KERNEL_STACKS - 1  # stands for the guard page of the task's own stack

ALWAYS = {
    "assertion": Fault("assert zero.read() == 1", TrapKind.ASSERTION),
    "division": Fault("log(f'{7 // zero.read()}')", TrapKind.DIVISION),
    "overflow": Fault("log(f'{i64.MIN // -i64(1 + zero.read())}')", TrapKind.DIVISION),
    "trap": Fault("trap()", TrapKind.TRAP),
    "near-null": Fault("Ptr[u64](zero.read() + 4088)[0] = 1", vector=14, error=2, address=4088),
    "nowhere": Fault(
        "log(f'{Ptr[u64](zero.read() + 0x7000_0000)[0]}')", vector=14, address=0x7000_0000
    ),
    "own-text": Fault(
        "Ptr[u8](zero.read() + 0x4000_0000)[0] = 1", vector=14, error=3, address=0x4000_0000
    ),
    "own-data": Fault("asm('lea rax, [rsp - 64]\\njmp rax', None, '~{rax}')", vector=14, error=17),
    "stack": Fault("asm('2: push rax\\njmp 2b', None, '')", vector=14, error=2, address=GUARD),
    "wild": Fault("log(f'{Ptr[u64](zero.read() + (1 << 63))[0]}')", vector=13),
    "opcode": Fault("asm('ud2', None, '')", vector=6),
    "breakpoint": Fault("asm('int3', None, '')", vector=3),
}
CHECKED = {
    "bounds": Fault("log(f'{table[zero.read() + 4]}')", TrapKind.BOUNDS),
    "null": Fault("log(f'{Ptr[u64](zero.read())[0]}')", TrapKind.NULL),
    "shift": Fault("log(f'{u64(1) << zero.read() + 64}')", TrapKind.SHIFT),
    "cast": Fault("log(f'{u8(zero.read() + 256)}')", TrapKind.CAST),
    "sign": Fault("log(f'{i8(zero.read() + 128)}')", TrapKind.CAST),
}
CASES = [
    *((name, fault, False) for name, fault in ALWAYS.items()),
    *((name, fault, True) for name, fault in (ALWAYS | CHECKED).items()),
]


def faults(checks: bool) -> dict[str, Fault]:
    return ALWAYS | CHECKED if checks else ALWAYS


def function(name: str) -> str:
    return "fault_" + name.replace("-", "_")


def tasks(checks: bool) -> str:
    made = FIRST
    for name, fault in faults(checks).items():
        made += f"""
@task
def {function(name)}() -> None:
    if zero.read() == 0:
        {fault.line}
    log("after")
"""
    return made


@functools.cache
def run(folder: Path, checks: bool) -> Run:
    sandboxes = (
        sandbox_text(name, task_text("before", 2), task_text(function(name), 1))
        for name in faults(checks)
    )
    text = system_text(*sandboxes, machine='memory = "32 MiB"')
    system = build(write_system(folder, text, tasks(checks)), checks=checks)
    return run_system(system, folder, timeout=40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.mark.parametrize(
    ("name", "fault", "checks"),
    CASES,
    ids=[f"{name}-{'debug' if checks else 'release'}" for name, _, checks in CASES],
)
def test_fault(folder: Path, name: str, fault: Fault, checks: bool) -> None:
    ran = run(folder / str(checks), checks)
    assert ran.exit is not None and ran.exit.value == 0x10, (ran.exit, ran.serial)
    sandbox, plan = ran[name], ran.system.plan.sandbox(name)
    record = sandbox.status.panic
    reason = PanicReason.EXCEPTION if fault.trap is None else PanicReason.TRAP
    assert sandbox.state == SandboxState.CRASHED
    assert sandbox.crash.reason == CrashReason.KERNEL_PANIC
    assert int(sandbox.crash.address) == record.reason == reason
    assert int(record.task) == 1  # the second most urgent
    stack = next(part for part in plan.kernel_windows if part.name.endswith(plan.tasks[1].name))
    rip, rsp, address = int(record.rip), int(record.rsp), int(record.address)
    if fault.trap is not None:
        assert int(record.trap) == fault.trap
        said = f"panic: a check in compiled code failed at {rip:#x}"
    else:
        assert (int(record.vector), int(record.error)) == (fault.vector, fault.error)
        said = f"panic: exception {fault.vector} at {rip:#x}, error {fault.error:#x}"
    if fault.vector == 14:
        said = f"panic: page fault at {rip:#x}, address {address:#x}"
        if fault.address == GUARD:
            assert rsp == stack.address and address == stack.address - 8
        elif fault.address:
            assert address == fault.address
        else:  # what it tried to execute
            assert address == rip and stack.address <= rip < stack.address + stack.size
    assert sandbox.lines == ["before", said]
    assert stack.address <= rsp <= stack.address + stack.size
    if fault.error != 17:
        at = rip - 1 if fault.vector == 3 else rip  # INT3 is over when it is reported
        frame = ran.system.kernels[name].symbols.frames(at)[-1]
        text = [line.strip() for line in (PRELUDE + tasks(checks)).splitlines()]
        assert frame.function.endswith(function(name))
        assert text[frame.line - 1] == fault.line


# ---- panic() -----------------------------------------------------------------------------------


PANICS = """
LONG = "a long story " * 20

@metal
def deep() -> None:
    panic("something is wrong")

@task
def give_up() -> None:
    deep()

@task
def long() -> None:
    panic(LONG)

@task
def after() -> None:
    log("still here")
"""


def test_panic(tmp_path: Path) -> None:
    text = system_text(
        sandbox_text("one", task_text("give_up", 2), task_text("after", 1)),
        sandbox_text("two", task_text("long", 2), task_text("after", 1)),
    )
    system = build(write_system(tmp_path, text, PANICS))
    ran = run_system(system, tmp_path)
    for name, message in (("one", "something is wrong"), ("two", "a long story " * 20)):
        record = ran[name].status.panic
        assert record.reason == PanicReason.MESSAGE
        assert ran[name].crash.reason == CrashReason.KERNEL_PANIC
        assert bytes(record.text).rstrip(b"\0").decode() == message[:PANIC_TEXT]
        assert ran[name].lines == [f"panic: {message}"[:232]]
        assert int(record.task) == 0
    frames = system.kernels["one"].symbols.frames(int(ran["one"].status.panic.rip) - 1)
    assert frames[-1].function.endswith(("deep", "give_up"))


# ---- before there are tasks --------------------------------------------------------------------


def test_a_fault_while_the_kernel_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(sandbox: SandboxPlan, kernel: Program) -> SandboxInfo:
        made = sandbox_info(sandbox, kernel)
        made.inputs[0].object = 0x7000_0000
        return made

    monkeypatch.setattr(contents, "sandbox_info", nowhere)
    task = task_text("look", file="file")
    given = '[[sandbox.input]]\nname = "file"\nsize = "4 KiB"\n'
    tasks = "\n@task\ndef look(file: Input) -> None:\n    log('here')\n"
    system = build(write_system(tmp_path, system_text(sandbox_text("one", task, given)), tasks))
    one = run_system(system, tmp_path)["one"]
    assert one.crash.reason == CrashReason.KERNEL_PANIC
    assert int(one.status.panic.address) == 0x7000_0000
    assert int(one.status.panic.task) == NOBODY
    rip = int(one.status.panic.rip)
    assert one.lines == [f"panic: page fault at {rip:#x}, address 0x70000000"]
