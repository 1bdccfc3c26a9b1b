"""What foreign kernels do on their own, what they are refused, and what stops them."""

from __future__ import annotations

import functools
import struct
import tempfile
from pathlib import Path

import pytest

from questv.machine import WITHOUT_X2APIC
from questv.monitor.interface import CrashReason, SandboxState
from questv.plan.build import BuiltSystem, build
from tests.foreign.kernels import HEAD, RESULTS, STARTED, WORDS, kernel, pvh_kernel
from tests.running import (
    Run,
    foreign_text,
    run_system,
    sandbox_text,
    system_text,
    task_text,
    write_system,
)

EFER, LSTAR, FS_BASE, MISC = 0xC000_0080, 0xC000_0082, 0xC000_0100, 0x8B
TIMER, COMMAND = 0x832, 0x830


def read_msr(number: int) -> str:
    return f"mov ecx, {number}\n mov eax, -1\n rdmsr\n"


def write_msr(number: int, value: int) -> str:
    low, high = value & 0xFFFF_FFFF, value >> 32
    return f"mov ecx, {number}\n mov eax, {low}\n mov edx, {high}\n wrmsr\n"


GOOD = {
    "plain": kernel("result 0, rdi"),
    "pvh": pvh_kernel(
        "mov dword ptr [0x1f0000], edi\n mov eax, [ebx]\n mov dword ptr [0x1f0008], eax",
        read_msr(EFER) + "result 2, rax",
    ),
    # Ports that are not there.
    "ports": kernel(
        "mov rax, 0x1122334455667788\n mov dx, 0xcf8\n"
        "in al, dx\n result 0, rax\n in ax, dx\n result 1, rax\n in eax, dx\n result 2, rax\n"
        "mov al, 0xff\n out 0x21, al\n out 0x80, eax\n out 0x70, ax"
    ),
    # MSRs of its own, and one that is not there.
    "msrs": kernel(
        write_msr(LSTAR, 0xFFFF_8000_0000_1234)
        + read_msr(LSTAR) + "result 0, rax\n result 1, rdx\n"
        + write_msr(FS_BASE, 0x5678) + read_msr(FS_BASE) + "result 2, rax\n"
        + read_msr(MISC) + "result 3, rax\n" + write_msr(MISC, 1) + read_msr(0x1B) + "result 4, rax"
    ),
    # EFER: only what is the kernel's own.
    "efer": kernel(
        read_msr(EFER) + "result 0, rax\n result 1, rdx\n"
        + write_msr(EFER, 0xD01) + read_msr(EFER) + "result 2, rax\n"
        + write_msr(EFER, 0x1D01) + write_msr(EFER, 0x1_0000_0D01) + write_msr(EFER, 0x4D01)
        + write_msr(EFER, 0xC01) + read_msr(EFER) + "result 3, rax"
    ),
    # The timer of the x2APIC: once is the kernel's own affair, again and again is not.
    "timer": kernel(
        write_msr(TIMER, 0x2_0040) + write_msr(TIMER, 0x0400)
        + write_msr(TIMER, 0x40) + write_msr(0x83E, 0xB) + write_msr(0x838, 10000)
        + "sti\n1: pause\n cmp qword ptr [0x1f00e8], 0\n je 1b\n cli\n" + write_msr(0x80B, 0)
    ),
    # Its own state of the processor, and its caches.
    "state": kernel(
        "mov rax, cr4\n or rax, 0x40000\n mov cr4, rax\n"
        "xor ecx, ecx\n xor edx, edx\n mov eax, 3\n xsetbv\n xgetbv\n result 0, rax\n wbinvd\n"
        "mov eax, 1\n mov ecx, 0\n cpuid\n result 1, rcx"
    ),
}  # fmt: skip

# Stopped, in a sandbox that is told that ports and MSRs are not there, or that is stopped for them.
BAD: dict[str, tuple[str, str, CrashReason]] = {
    "reads": ("absent", kernel("mov rax, [0x40000000]"), CrashReason.SHUTDOWN),
    "outside": ("absent", kernel("mov rax, [0x280000]"), CrashReason.READ_OUTSIDE_VIEW),
    "page": ("absent", kernel("mov qword ptr [rdi], 1"), CrashReason.WRITE_OUTSIDE_VIEW),
    "stack": ("absent", kernel("jmp rsp"), CrashReason.EXECUTE_OUTSIDE_VIEW),
    "strings": ("absent", kernel("mov dx, 0x60\n mov edi, 0x1000\n insb"), CrashReason.PORT_READ),
    "port": ("stop", kernel("in al, 0x60"), CrashReason.PORT_READ),
    "port-out": ("stop", kernel("out 0x64, al"), CrashReason.PORT_WRITE),
    "msr": ("stop", kernel(read_msr(MISC)), CrashReason.MSR_READ),
    "svme": ("stop", kernel(write_msr(EFER, 0xD00 & ~0x100)), CrashReason.MSR_WRITE),
    "endless": ("stop", kernel(write_msr(TIMER, 0x2_0040)), CrashReason.FORBIDDEN_APIC_ACCESS),
    "flush": ("stop", kernel("wbinvd"), CrashReason.FORBIDDEN_INSTRUCTION),
    "vmrun": ("absent", kernel("mov eax, 0x1000\n vmrun rax"), CrashReason.FORBIDDEN_INSTRUCTION),
    "bell": ("absent", kernel(write_msr(COMMAND, 1 << 32 | 0x4500)), CrashReason.FORGED_DOORBELL),
    "triple": ("absent", f"{HEAD}_start: {STARTED} ud2", CrashReason.SHUTDOWN),
    "call": ("absent", kernel("mov eax, 77\n vmmcall"), CrashReason.BAD_HYPERCALL),
    "panic": ("absent", kernel("mov eax, 3\n mov edi, 9\n vmmcall"), CrashReason.KERNEL_PANIC),
    # Whoever is no kernel speaks for nobody: the call raises an exception, which finds no stack.
    "user": (
        "absent",
        kernel(
            "mov rax, cr3\n or qword ptr [rax], 4\n mov rax, [rax]\n and rax, -4096\n"
            "or qword ptr [rax], 4\n mov rax, [rax]\n and rax, -4096\n or qword ptr [rax], 4\n"
            "mov rax, cr3\n mov cr3, rax\n"
            "push 0x1b\n push 0x1e0000\n push 2\n push 0x23\n"
            "lea rax, [rip + 1f]\n push rax\n iretq\n1:"
        ),
        CrashReason.SHUTDOWN,
    ),
}  # fmt: skip

# Neither ends nor crashes: halted with its interrupts off, or busy for ever.
LASTING = {
    "halts": f"{HEAD}_start: {STARTED} cli\n1: hlt\n jmp 1b",
    "spins": f"{HEAD}_start: cli\n1: jmp 1b",
}


def ask(register: int, value: int) -> str:
    return f"mov eax, 5\n mov edi, {register}\n mov esi, {value}\n vmmcall\n"


# The timer where there is no x2APIC.
ASKS = (
    ask(0x32, 0x40) + ask(0x3E, 0xB) + ask(0x38, 10000)
    + "sti\n1: pause\n cmp qword ptr [0x1f00e8], 0\n je 1b\n cli\n" + ask(0xB, 0)
)  # fmt: skip

TASKS = """
@task
def main() -> None:
    for number in range(u64(20)):
        log(f"{number}")
        sleep_until(now() + 1_000_000)
"""


def system(folder: Path, kernels: dict[str, tuple[str, str]], until: list[str]) -> BuiltSystem:
    folder.mkdir(exist_ok=True)
    texts = []
    for name, (undeclared, source) in kernels.items():
        (folder / f"{name}.s").write_text(source + "\n")
        texts.append(foreign_text(name, f"{name}.s", f'undeclared = "{undeclared}"'))
    texts.append(sandbox_text("ours", task_text("main")))
    names = ", ".join(f'"{name}"' for name in until)
    text = system_text(*texts, run=f"until = [{names}]", machine='memory = "160 MiB"')
    return build(write_system(folder, text, TASKS))


@functools.cache
def everyone() -> Run:
    """All of them at once, each beside all others."""
    kernels = {name: ("absent", source) for name, source in GOOD.items()}
    kernels |= {name: (undeclared, source) for name, (undeclared, source, _) in BAD.items()}
    kernels |= {name: ("absent", source) for name, source in LASTING.items()}
    with tempfile.TemporaryDirectory() as folder:
        made = system(Path(folder), kernels, [*GOOD, *BAD, "ours"])
        return run_system(made, Path(folder))


def results(run: Run, name: str) -> tuple[int, ...]:
    plan = run.system.plan.sandbox(name)
    found = run.memory(plan.physical(RESULTS), 8 * WORDS)
    return struct.unpack(f"<{WORDS}Q", found)


def exits(run: Run, name: str) -> dict[str, int]:
    """Of a kernel that has started, since then."""
    return run[name].after


def test_the_run_ends_and_a_kernel_of_ours_notices_nothing() -> None:
    run = everyone()
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    assert run["ours"].state == SandboxState.FINISHED
    assert run["ours"].lines == [str(number) for number in range(20)]


@pytest.mark.parametrize("name", GOOD)
def test_what_is_its_own_a_kernel_does(name: str) -> None:
    found = everyone()[name]
    assert found.state == SandboxState.FINISHED
    assert found.crash.reason == CrashReason.NONE


def test_both_ways_to_begin() -> None:
    run = everyone()
    info = 2 << 20
    assert results(run, "plain")[0] == info
    assert exits(run, "plain") == {}
    assert results(run, "pvh")[:3] == (info, 0x336E_C578, 0xD01)
    assert run["pvh"].before == {"HYPERCALL": 1, "MSR": 2}  # EFER, read and written


def test_ports_that_are_not_there_read_as_ones() -> None:
    run = everyone()
    assert results(run, "ports")[:3] == (0x1122_3344_5566_77FF, 0x1122_3344_5566_FFFF, 0xFFFF_FFFF)
    assert exits(run, "ports") == {"PORT": 6}


def test_msrs_that_are_not_there_are_exceptions() -> None:
    run = everyone()
    found = results(run, "msrs")
    assert found[:4] == (0x1234, 0xFFFF_8000, 0x5678, 0xFFFF_FFFF)
    assert found[4] & 0xC00 == 0xC00  # the x2APIC is on
    assert found[31] == 2
    assert exits(run, "msrs") == {"MSR": 2}


def test_efer_is_its_own_but_for_what_holds_it() -> None:
    run = everyone()
    assert results(run, "efer")[:4] == (0xD00, 0, 0xD01, 0xD01)
    assert results(run, "efer")[31] == 4
    assert exits(run, "efer") == {"MSR": 8}


def test_the_timer_interrupts_once_and_is_no_more_than_that() -> None:
    run = everyone()
    assert results(run, "timer")[29] == 1
    assert results(run, "timer")[31] == 2
    assert exits(run, "timer") == {"APIC": 3}


def test_state_of_the_processor_that_is_its_own() -> None:
    run = everyone()
    assert results(run, "state")[0] == 3
    assert results(run, "state")[1] >> 27 & 1  # OSXSAVE, as it has set it
    assert exits(run, "state") == {"INSTRUCTION": 1}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_its_own_stops_a_kernel(name: str) -> None:
    found = everyone()[name]
    assert found.state == SandboxState.CRASHED
    assert found.crash.reason == BAD[name][2]


def test_addresses_of_crashes_are_the_kernels_own() -> None:
    run = everyone()
    assert int(run["outside"].crash.address) == 0x28_0000
    assert int(run["page"].crash.address) == 2 << 20
    assert int(run["panic"].crash.address) == 9


def test_only_a_kernel_speaks_for_its_sandbox() -> None:
    assert exits(everyone(), "user") == {"HYPERCALL": 1, "SHUTDOWN": 1}


@pytest.mark.parametrize("name", LASTING)
def test_who_never_ends_is_cut_off(name: str) -> None:
    assert everyone()[name].state == SandboxState.CUT_OFF


def test_who_never_says_that_it_runs_is_counted_all_the_same() -> None:
    assert everyone()["spins"].before == {}
    assert int(everyone()["spins"].public.started) == 0
    assert int(everyone()["spins"].public.entered) != 0


def test_without_an_x2apic(tmp_path: Path) -> None:
    """The APIC's page is nowhere: whoever looks for it is stopped."""
    kernels = {
        "plain": ("absent", GOOD["plain"]),
        "efer": ("absent", GOOD["efer"]),
        "apic": ("absent", kernel("mov eax, 0xfee00020\n mov eax, [rax]")),
        "asks": ("absent", kernel(ASKS)),
        "other": ("absent", kernel(ask(0x32, 0x2_0040))),
    }
    run = run_system(system(tmp_path, kernels, [*kernels]), tmp_path, cpu=WITHOUT_X2APIC)
    assert run["plain"].state == run["efer"].state == SandboxState.FINISHED
    assert run["asks"].state == SandboxState.FINISHED
    assert results(run, "asks")[29] == 1
    assert run["other"].crash.reason == CrashReason.FORBIDDEN_APIC_ACCESS
    assert run["apic"].crash.reason == CrashReason.SHUTDOWN
