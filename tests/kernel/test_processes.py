"""Tasks in ring 3: whatever one of them does ends it, and neither its kernel nor anybody else.

All misdeeds are done in one run, each by a process of its own. In each sandbox a task of the
kernel and a well-behaved process go on beside them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest

from questv.inspect.faults import faults_of
from questv.inspect.guest import Guest
from questv.inspect.model import FaultReport
from questv.kernel.process_info import SYSTEM_CALL_VECTOR, SystemCall
from questv.monitor.interface import SandboxState
from questv.plan import addresses
from questv.plan.build import BuiltSystem, build
from questv.plan.processes import base_of
from tests.audit.subjects import audited
from tests.running import (
    Run,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    write_system,
)

PRELUDE = """\
from __future__ import annotations
from questv.process import *
from questv.metal.lang import *
from questv.metal.structs import *
"""

KERNEL_TEXT = addresses.KERNEL_PROGRAM
OTHER = base_of(0)  # the first process of the system, which does nothing wrong
PROTECTION = "general protection fault"
PAGE = "page fault {} {:#x}, which it has no right to"
NOWHERE = "page fault {} {:#x}, where it has no memory"


@dataclass(frozen=True)
class Misdeed:
    """What a process does, with ``own`` for where its addresses begin, and what is said of it."""

    line: str
    reason: str


def call(number: int, first: int | str = 0, second: int | str = 0) -> str:
    values = f"u64({number}), u64({first}), u64({second})"
    return f"asm('int {SYSTEM_CALL_VECTOR}', None, '{{rax}},{{rdi}},{{rsi}}', {values})"


def instruction(text: str, reason: str = f"{PROTECTION}") -> Misdeed:
    return Misdeed(f"asm('{text}', None, '~{{rax}},~{{rcx}},~{{rdx}}')", reason)


WAIT, RING, LOG, GIVE_UP = (
    int(number) for number in (SystemCall.WAIT, SystemCall.RING, SystemCall.LOG, SystemCall.GIVE_UP)
)

MISDEEDS = {
    # ---- memory
    "null": Misdeed("Ptr[u64](zero.read())[0] = 1", NOWHERE.format("writing to", 0)),
    "read-kernel": Misdeed(
        f"log(f'{{Ptr[u64](zero.read() + {KERNEL_TEXT})[0]}}')",
        PAGE.format("reading from", KERNEL_TEXT),
    ),
    "write-kernel": Misdeed(
        f"Ptr[u64](zero.read() + {addresses.KERNEL_STACKS + 0x1000})[0] = 1",
        PAGE.format("writing to", addresses.KERNEL_STACKS + 0x1000),
    ),
    "run-kernel": instruction(
        f"mov eax, {KERNEL_TEXT}; call rax", PAGE.format("executing", KERNEL_TEXT)
    ),
    "read-other": Misdeed(
        f"log(f'{{Ptr[u64](zero.read() + {OTHER})[0]}}')", NOWHERE.format("reading from", OTHER)
    ),
    "unmapped": Misdeed(
        "Ptr[u64](zero.read() + 0x7000_0000_0000)[0] = 1",
        NOWHERE.format("writing to", 0x7000_0000_0000),
    ),
    "not-canonical": Misdeed("Ptr[u64](zero.read() + (1 << 63))[0] = 1", PROTECTION),
    "write-text": Misdeed(
        "Ptr[u8](OWN)[0] = 1", "page fault writing to OWN, which it has no right to"
    ),
    "write-told": Misdeed(
        f"Ptr[u64](OWN + {addresses.PROCESS_INFO})[0] = 1",
        "page fault writing to TOLD, which it has no right to",
    ),
    "run-data": Misdeed(
        "asm('lea rax, [rsp - 64]\\njmp rax', None, '~{rax}')", "page fault executing"
    ),
    "stack": Misdeed("asm('2: push rax\\njmp 2b', None, '')", "page fault writing to GUARD, where"),
    "wild-stack": instruction("xor esp, esp; push rax", "page fault writing to 0xfffffffffffffff8"),
    # ---- instructions
    "cli": instruction("cli"),
    "sti": instruction("sti"),
    "hlt": instruction("hlt"),
    "in": instruction("mov dx, 0x3f8; in al, dx"),
    "out": instruction("mov dx, 0xf4; out dx, al"),
    "rdmsr": instruction("mov ecx, 0x1b; rdmsr"),
    "wrmsr": instruction("mov ecx, 0x830; wrmsr"),
    "mov-cr0": instruction("mov cr0, rax"),
    "mov-cr3": instruction("mov cr3, rax"),
    "mov-dr7": instruction("mov dr7, rax"),
    "lidt": instruction("lidt [rsp]"),
    "ltr": instruction("mov eax, 0x18; ltr ax"),
    "vmmcall": instruction("mov eax, 2; xor edi, edi; vmmcall", "invalid opcode"),
    "vmrun": instruction("xor eax, eax; vmrun"),
    "skinit": instruction("skinit"),
    "invd": instruction("invd"),
    "wbinvd": instruction("wbinvd"),
    "xsetbv": instruction("xsetbv", ""),
    "rsm": instruction("rsm", "invalid opcode"),
    "syscall": instruction("syscall", "invalid opcode"),
    "sysenter": instruction("sysenter", "invalid opcode"),
    "other-gate": instruction("int 0x20", f"{PROTECTION}, error code 0x102"),
    "breakpoint": instruction("int3", f"{PROTECTION}, error code 0x1a"),
    "far-jump": instruction("push 0x08; push 0; retfq", f"{PROTECTION}, error code 0x8"),
    "trap-flag": instruction("pushfq; or qword ptr [rsp], 0x100; popfq; nop", "debug exception"),
    "icebp": instruction(".byte 0xf1", "debug exception"),
    "division": instruction("xor eax, eax; xor edx, edx; div eax", "division error"),
    "trap": Misdeed("if zero.read() == 0: trap()", "trap"),
    "panic": Misdeed("if zero.read() == 0: panic('nothing to do')", "gave up: nothing to do"),
    "float-exception": instruction(
        "push 0; fldcw [rsp]; fld1; fldz; fdivp; fwait", "x87 floating-point error"
    ),
    # ---- system calls
    "call-none": Misdeed(call(0), "made system call 0, which does not exist"),
    "call-large": Misdeed(call(1 << 63), f"made system call {1 << 63}, which does not exist"),
    "wait-none": Misdeed(
        call(WAIT, 0), "made system call 'wait' for end 0, which it does not have"
    ),
    "ring-large": Misdeed(
        call(RING, (1 << 64) - 1),
        f"made system call 'ring' for end {(1 << 64) - 1}, which it does not have",
    ),
    "log-kernel": Misdeed(call(LOG, KERNEL_TEXT, 8), "made system call 'log' for 8 bytes at"),
    "log-other": Misdeed(call(LOG, OTHER, 8), "made system call 'log' for 8 bytes at"),
    "log-null": Misdeed(call(LOG, 0, 8), "made system call 'log' for 8 bytes at 0x0"),
    "log-wraps": Misdeed(call(LOG, (1 << 64) - 4, 8), "made system call 'log' for 8 bytes at"),
    "log-long": Misdeed(call(LOG, "OWN", 1 << 62), f"made system call 'log' for {1 << 62} bytes"),
    "log-long-by-one": Misdeed(call(LOG, "OWN", 233), "made system call 'log' for 233 bytes at"),
    "log-beyond": Misdeed(call(LOG, "END - 4", 5), "made system call 'log' for 5 bytes at"),
    "log-before": Misdeed(call(LOG, "OWN - 1", 2), "made system call 'log' for 2 bytes at"),
    "give-up-kernel": Misdeed(call(GIVE_UP, KERNEL_TEXT, 8), "made system call 'give up' for 8"),
    "give-up-long": Misdeed(call(GIVE_UP, "OWN", 121), "made system call 'give up' for 121 bytes"),
}
PER_SANDBOX = 20
NAMES = list(MISDEEDS)
GROUPS = [NAMES[start : start + PER_SANDBOX] for start in range(0, len(NAMES), PER_SANDBOX)]

KERNEL_TASKS = """\
from __future__ import annotations
from questv.api import *
from questv.metal.lang import *

@task
def goes_on(turns: u64) -> None:
    for _ in range(turns):
        sleep_until(now() + 100_000)
    log("went on")
"""


def function(name: str) -> str:
    return "do_" + name.replace("-", "_")


def numbered() -> dict[str, int]:
    """Each misdeed's process, by its number in the system: good ones come first in each group."""
    numbers: dict[str, int] = {}
    for group in GROUPS:
        first = len(numbers) + GROUPS.index(group) + 1
        numbers |= {name: first + place for place, name in enumerate(group)}
    return numbers


def own_tasks() -> str:
    made = PRELUDE + "zero: Volatile[u64] = static(0)\n"
    made += """
@task
def good(turns: u64) -> None:
    for _ in range(turns):
        sleep_until(now() + 100_000)
    log("did well")
"""
    for name, number in numbered().items():
        base = base_of(number)
        end = base + 0x4000  # of the program, checked below
        line = MISDEEDS[name].line.replace("OWN", str(base)).replace("END", str(end))
        made += f"\n@task\ndef {function(name)}() -> None:\n    log('about to')\n    {line}\n"
        made += "    log('got away with it')\n"
    return made


PROCESS = 'isolation = "process"'


@functools.cache
def built(folder: Path) -> BuiltSystem:
    sandboxes = []
    for place, group in enumerate(GROUPS):
        tasks = [task_text("good", 200, keys=PROCESS, turns=50)]
        tasks += [
            task_text(function(name), 150 - rank, keys=PROCESS, stack="4 KiB")
            for rank, name in enumerate(group)
        ]
        tasks.append(task_text("goes_on", 1, turns=50).replace("tasks:", "own:"))
        sandboxes.append(sandbox_text(f"s{place}", *tasks, memory="2 MiB"))
    sandboxes.append(
        sandbox_text("bystander", task_text("goes_on", 1, turns=50).replace("tasks:", "own:"))
    )
    path = write_system(folder, system_text(*sandboxes, machine='memory = "32 MiB"'), "")
    (path / "tasks.py").write_text(own_tasks())
    (path / "own.py").write_text(KERNEL_TASKS)
    return build(path)


@functools.cache
def run(folder: Path) -> Run:
    return run_system(built(folder), folder, timeout=60)


@functools.cache
def faults(folder: Path) -> dict[str, FaultReport]:
    ran = run(folder)

    class _Memory:
        def read(self, address: int, length: int) -> bytes:
            return ran.memory(address, length)

    guest = Guest(ran.system.plan, _Memory())
    return {
        fault.task: fault
        for sandbox in ran.system.plan.sandboxes
        for fault in faults_of(guest, sandbox, ran.system.processes)
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


def test_everybody_else_goes_on(folder: Path) -> None:
    ran = run(folder)
    assert ran.exit is not None and ran.exit.value == 0x10, (ran.exit, ran.serial)
    for place in range(len(GROUPS)):
        sandbox = ran[f"s{place}"]
        assert sandbox.state == SandboxState.FINISHED, sandbox.lines
        assert sandbox.lines.count("went on") == 1
        assert sandbox.lines.count("did well") == 1
        assert "got away with it" not in sandbox.lines
    assert ran["bystander"].lines == ["went on"]
    assert set(faults(folder)) == {function(name).replace("_", "-") for name in NAMES}


def test_the_audit_knows_them_all(folder: Path) -> None:
    assert audited(built(folder)).verdict == "proven"


@pytest.mark.parametrize("name", NAMES)
def test_misdeed(folder: Path, name: str) -> None:
    fault = faults(folder)[function(name).replace("_", "-")]
    base = base_of(numbered()[name])
    wanted = (
        MISDEEDS[name]
        .reason.replace("OWN", f"{base:#x}")
        .replace("TOLD", f"{base + addresses.PROCESS_INFO:#x}")
        .replace("GUARD", f"{base + addresses.PROCESS_STACK - 8:#x}")
    )
    assert fault.reason.startswith(wanted), fault.reason
    assert fault.time is not None
    here = [frame for frame in fault.trace if frame.function == function(name)]
    if name not in ("run-data", "run-kernel", "wild-stack"):  # there it is not where it was
        assert here and here[0].file.endswith("tasks.py") and here[0].line > 0, fault.trace
