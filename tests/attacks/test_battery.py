"""Every attack is contained, named rightly, and noticed by nobody else."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest

import questv.attacks
from questv.arch.x86.apic import (
    COMMAND_INIT,
    COMMAND_NMI,
    COMMAND_STARTUP,
    LVT_MASKED,
    ApicRegister,
)
from questv.arch.x86.paging import ADDRESS_MASK, PAGE_SIZE
from questv.arch.x86.registers import Msr
from questv.arch.x86.svm import ExitCode
from questv.attacks.catalogue import Attack
from questv.attacks.orders import Orders
from questv.kernel.info import INPUT_MAGIC, InputHeader
from questv.kernel.timers import TIMER_VECTOR
from questv.machine import WITH_X2APIC, WITHOUT_X2APIC
from questv.monitor.interface import CrashReason, ExitReason, Hypercall, SandboxState
from questv.plan.build import BuiltSystem, build
from questv.plan.layout import tables
from questv.plan.model import SandboxPlan
from tests.running import Run, run_system

SYSTEM = Path(questv.attacks.__file__).parent / "system"


@functools.cache
def system() -> BuiltSystem:
    return build(SYSTEM)


@dataclass(frozen=True)
class Case:
    """An attack on a target, and the crash record that it must leave."""

    name: str
    attack: Attack
    target: int
    reason: CrashReason
    address: int | None = None
    code: int | None = None
    value: int = 0


def part(sandbox: SandboxPlan, name: str) -> int:
    windows = (*sandbox.kernel_windows, *sandbox.monitor_windows)
    return next(window.physical for window in windows if window.name == name)


def memory_targets() -> dict[str, int]:
    plan = system().plan
    own, other = plan.sandbox("attacker"), plan.sandbox("middle")
    monitor = next(w.physical for w in own.monitor_windows if w.name == "text")
    data = next(w.physical for w in own.monitor_windows if w.name == "bss")
    return {
        "another's text": part(other, "text") + 0x80,
        "another's data": part(other, "bss") + 0x100,
        "another's tables": other.kernel_tables,
        "the own monitor's text": monitor,
        "the own monitor's data": data,
        "another's monitor": other.monitor_plan,
        "the own nested tables": own.nested_tables,
        "another's nested tables": other.nested_tables,
        "the own permission map": own.msr_map + 8,
        "the guard behind it": own.msr_map + 8 + (1 << 30),
        "the own control block": own.control,
        "a channel of others": plan.channels[0].sender_area,
        "memory that nobody has": plan.regions[-1].end + PAGE_SIZE,
        "beyond the memory": 0x0FFF_F000,
    }


def cases() -> list[Case]:
    made = []
    kinds = [
        (Attack.READ, CrashReason.READ_OUTSIDE_VIEW),
        (Attack.WRITE, CrashReason.WRITE_OUTSIDE_VIEW),
        (Attack.EXECUTE, CrashReason.EXECUTE_OUTSIDE_VIEW),
    ]
    targets = memory_targets()
    for attack, reason in kinds:
        for name, target in targets.items():
            made.append(Case(f"{attack.name.lower()} {name}", attack, target, reason, target))
    own = system().plan.sandbox("attacker")
    for name in ("text", "rodata", "info"):
        target = part(own, name)
        made.append(
            Case(f"write own {name}", Attack.WRITE, target, CrashReason.WRITE_OUTSIDE_VIEW, target)
        )
    target = part(own, "data") if _has(own, "data") else part(own, "bss")
    made.append(
        Case("execute own data", Attack.EXECUTE, target, CrashReason.EXECUTE_OUTSIDE_VIEW, target)
    )
    for msr in (Msr.EFER, Msr.VM_CR, Msr.VM_HSAVE_PA, 0x1B, 0xC000_0100, 0x277, 0x40000000):
        made.append(Case(f"read MSR {msr:#x}", Attack.READ_MSR, msr, CrashReason.MSR_READ, msr))
        made.append(Case(f"write MSR {msr:#x}", Attack.WRITE_MSR, msr, CrashReason.MSR_WRITE, msr))
    for port in (0xCF9, 0x64, 0x20, 0x43, 0x3F8, 0xF4, 0x0, 0xFFFF):
        made.append(
            Case(f"read port {port:#x}", Attack.READ_PORT, port, CrashReason.PORT_READ, port)
        )
        made.append(
            Case(f"write port {port:#x}", Attack.WRITE_PORT, port, CrashReason.PORT_WRITE, port)
        )
    for attack in (
        Attack.VMRUN,
        Attack.VMLOAD,
        Attack.VMSAVE,
        Attack.STGI,
        Attack.CLGI,
        Attack.SKINIT,
        Attack.INVLPGA,
    ):
        code = ExitCode[attack.name]
        control = own.control
        made.append(
            Case(attack.name.lower(), attack, control, CrashReason.FORBIDDEN_INSTRUCTION, code=code)
        )
    made.append(Case("triple fault", Attack.TRIPLE_FAULT, 0, CrashReason.SHUTDOWN))
    for number in (0, 99, 1 << 63, Hypercall.STARTED):
        made.append(
            Case(f"hypercall {number}", Attack.BAD_HYPERCALL, number, CrashReason.BAD_HYPERCALL)
        )
    for number in (Hypercall.APIC_READ, Hypercall.APIC_WRITE):
        name = f"hypercall {Hypercall(number).name}"
        made.append(Case(name, Attack.BAD_HYPERCALL, number, CrashReason.FORBIDDEN_APIC_ACCESS))
    other = system().plan.sandbox("sink").core << 32
    everyone = 0b11 << 18  # shorthand: all but self
    commands = {
        "INIT": other | COMMAND_INIT,
        "startup": other | COMMAND_STARTUP | 8,
        "NMI": other | COMMAND_NMI,
        "SMI": other | 0x200,
        "ExtINT": other | 0x700,
        "a vector of somebody else's": other | 0x33,
        "the timer's vector": other | 0x20,
        "INIT to everyone": COMMAND_INIT | everyone,
        "a doorbell to everyone": 0x30 | everyone,
        "a doorbell to the wrong core": 2 << 32 | 0x30,
        "a doorbell by logical address": other | 0x30 | 1 << 11,
    }
    for name, command in commands.items():
        made.append(
            Case(
                f"send {name}",
                Attack.SEND_COMMAND,
                command,
                CrashReason.FORGED_DOORBELL,
                command,
            )
        )
    made.append(
        Case(
            "relocate the APIC", Attack.RELOCATE_APIC, part(own, "bss"), CrashReason.MSR_WRITE, 0x1B
        )
    )
    timers = {
        "SMI": 0x200,
        "masked SMI": 0x200 | LVT_MASKED,
        "NMI": 0x400,
        "INIT": 0x500,
        "ExtINT": 0x700,
        "periodic": 1 << 17,
        "by deadline": 1 << 18,
        "from beyond 32 bits": 1 << 32,
    }
    for name, bits in timers.items():
        made.append(
            Case(
                f"timer {name}",
                Attack.SET_TIMER,
                bits | TIMER_VECTOR,
                CrashReason.FORBIDDEN_APIC_ACCESS,
                ApicRegister.TIMER,
            )
        )
    code = ExitCode.EXCEPTION_DEBUG
    made.append(Case("single step", Attack.SINGLE_STEP, 0, CrashReason.UNEXPECTED_EVENT, code=code))
    made.append(Case("arm the timer", Attack.ARM_TIMER, 10_000, CrashReason.KERNEL_PANIC))
    return made


def _has(sandbox: SandboxPlan, name: str) -> bool:
    return any(window.name == name for window in sandbox.kernel_windows)


def run_attack(folder: Path, case: Case, **options: object) -> Run:
    """Run the system with orders for one attack in the attacker's input."""
    built = system()
    attacker = built.plan.sandbox("attacker")
    own = tables(attacker.kernel_windows, nested=False).contents(attacker.kernel_tables)
    directory = int.from_bytes(own[0:8], "little") & ADDRESS_MASK
    at = directory - attacker.kernel_tables + 8  # entry 1: the GiB of the kernel's program
    symbols = built.kernels["attacker"].symbols
    orders = Orders(
        attack=case.attack,
        target=case.target,
        value=case.value,
        tables=attacker.physical(symbols.address("attack_tables")),
        kernel_entry=int.from_bytes(own[at : at + 8], "little"),
    )
    header = InputHeader(magic=INPUT_MAGIC, length=len(bytes(orders)))
    file = folder / "orders"
    file.write_bytes(bytes(header).ljust(PAGE_SIZE, b"\0") + bytes(orders))
    where = attacker.inputs[0].physical
    return run_system(built, folder, contents=((where, file),), **options)  # type: ignore[arg-type]


def assert_nobody_else_noticed(run: Run) -> None:
    """The others have done all their work, and left their kernels only as in normal running."""
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    assert run["sink"].lines == ["2000 of 2000 right, attacker at 1"]
    for name in ("source", "middle", "sink"):
        assert run[name].state in (SandboxState.FINISHED, SandboxState.CUT_OFF)
        assert int(run[name].public.crash.reason) == CrashReason.NONE
        usual = {"DOORBELL"} if int(run.facts.x2apic) else {"DOORBELL", "APIC"}
        assert set(run[name].after) <= usual


@pytest.mark.parametrize(
    "cpu",
    [
        pytest.param(WITH_X2APIC, id="x2apic"),
        pytest.param(WITHOUT_X2APIC, id="no x2apic", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_contained(case: Case, cpu: str, tmp_path: Path) -> None:
    # A timer that goes off all the time disturbs most where all cores share one clock.
    deterministic = case.attack is Attack.ARM_TIMER
    contained(run_attack(tmp_path, case, cpu=cpu, deterministic=deterministic), case)


def contained(run: Run, case: Case) -> None:
    """The attacker was stopped for what it did, and nobody else noticed."""
    assert_nobody_else_noticed(run)
    attacker = run["attacker"]
    # Without an x2APIC its timer's MSR is no MSR at all: the kernel takes the #GP itself.
    says_more = case.attack is Attack.ARM_TIMER and not int(run.facts.x2apic)
    assert attacker.lines[0] == "attacking" and len(attacker.lines) == 1 + says_more
    assert attacker.state == SandboxState.CRASHED
    crash = attacker.public.crash
    assert crash.reason == case.reason
    if case.address is not None:
        assert int(crash.address) == case.address
    if case.code is not None:
        assert int(crash.code) == case.code


@pytest.mark.parametrize("deterministic", [False, True], ids=["parallel", "deterministic"])
def test_nobody_outlasts_the_time_limit(tmp_path: Path, deterministic: bool) -> None:
    """A kernel that the run waits for hangs with interrupts off: the run ends all the same."""
    limit = 6_000_000 if deterministic else 2_000_000_000  # of real time others may take some
    case = Case("hang", Attack.HANG, 0, CrashReason.NONE)
    run = run_attack(
        tmp_path,
        case,
        deterministic=deterministic,
        metronome=1_000_000,
        command_line=f"for={limit}",
        timeout=60,
    )
    assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
    attacker = run["attacker"]
    assert attacker.lines == ["attacking"]
    assert attacker.state == SandboxState.CUT_OFF
    frequency = int(run.facts.tsc_frequency)
    elapsed = (int(attacker.public.ended) - int(run.facts.start_tsc)) * 10**9 / frequency
    assert elapsed >= limit
    assert run["sink"].lines == ["2000 of 2000 right, attacker at 1"]
    for name in ("source", "middle", "sink"):
        assert run[name].state == SandboxState.FINISHED
        assert set(run[name].after) <= {ExitReason.DOORBELL.name}


def test_the_harness_notices_an_attack_that_comes_back(tmp_path: Path) -> None:
    """An order that attacks nothing: the attacker goes on, and the assertions above see it."""
    run = run_attack(tmp_path, Case("nothing", Attack.NONE, 0, CrashReason.NONE))
    assert run["attacker"].state == SandboxState.FINISHED
    assert run["attacker"].lines == ["attacking", "escaped"]
