"""Attacks on QEMU's look at the MSR map, by a number of over 32 bits.

Processors ignore the upper half of rcx. QEMU 10 adds it to the map's address: 1 to 3 GiB behind the
map a zero would let every MSR of the first range pass, the x2APIC's among them. There are guards.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.arch.x86.apic import COMMAND_INIT, X2APIC_MSR_BASE, ApicRegister
from questv.arch.x86.registers import APIC_BASE_ENABLE, Msr
from questv.attacks.catalogue import Attack
from questv.machine import WITH_X2APIC, WITHOUT_X2APIC
from questv.monitor.interface import CrashReason
from tests.attacks.test_battery import Case, contained, run_attack, system

COMMAND = X2APIC_MSR_BASE + ApicRegister.COMMAND
TIMER = X2APIC_MSR_BASE + ApicRegister.TIMER
INIT = system().plan.sandbox("sink").core << 32 | COMMAND_INIT
APIC_BASE = 0xFEE0_0000 | APIC_BASE_ENABLE
HIGH = {"1": 1, "2": 2, "3": 3, "all": 0xFFFF_FFFF}


def read(msr: int, high: int) -> Case:
    return Case("read", Attack.READ_WIDE_MSR, high << 32 | msr, CrashReason.MSR_READ, msr)


def write(msr: int, value: int, high: int) -> Case:
    number = high << 32 | msr
    return Case("write", Attack.WRITE_WIDE_MSR, number, CrashReason.MSR_WRITE, msr, value=value)


@pytest.mark.parametrize("cpu", [WITH_X2APIC, WITHOUT_X2APIC], ids=["x2apic", "no x2apic"])
@pytest.mark.parametrize("high", HIGH.values(), ids=HIGH)
@pytest.mark.parametrize("make", [read, write])
def test_no_other_msr(make: object, high: int, cpu: str, tmp_path: Path) -> None:
    case = read(Msr.APIC_BASE, high) if make is read else write(Msr.APIC_BASE, APIC_BASE, high)
    contained(run_attack(tmp_path, case, cpu=cpu), case)


@pytest.mark.parametrize("high", HIGH.values(), ids=HIGH)
def test_the_command_is_not_read(high: int, tmp_path: Path) -> None:
    case = read(COMMAND, high)
    contained(run_attack(tmp_path, case), case)


@pytest.mark.parametrize("high", HIGH.values(), ids=HIGH)
def test_no_core_is_stopped(high: int, tmp_path: Path) -> None:
    """The monitor looks at the lower half, as the processor does, and sees a forged doorbell."""
    number = high << 32 | COMMAND
    case = Case(
        "INIT", Attack.WRITE_WIDE_MSR, number, CrashReason.FORGED_DOORBELL, INIT, value=INIT
    )
    contained(run_attack(tmp_path, case), case)


@pytest.mark.parametrize("high", HIGH.values(), ids=HIGH)
def test_the_timer_becomes_no_smi(high: int, tmp_path: Path) -> None:
    number, refused = high << 32 | TIMER, CrashReason.FORBIDDEN_APIC_ACCESS
    case = Case("SMI", Attack.WRITE_WIDE_MSR, number, refused, ApicRegister.TIMER, value=0x220)
    contained(run_attack(tmp_path, case), case)
