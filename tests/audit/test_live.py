"""Machines that run: what their memory holds, and what is said if something changes it."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from questv.arch.x86.machine import MachineFacts
from questv.audit.auditor import audit_machine
from questv.audit.control import INTERCEPTS_3, INTERCEPTS_4
from questv.audit.model import Audit, Violation
from questv.inspect.inspector import Inspector
from questv.machine import GuestMemory, Machine, MachineKind, MachineOptions, memory_size
from questv.metal.structs import offsetof, sizeof
from questv.monitor.interface import SandboxState
from questv.monitor.plan import MonitorPlan
from questv.plan.build import BuiltSystem

from .subjects import HELLO, built, entry_of, subject, word

ENDLESS = HELLO.parents[1] / "tests" / "cli" / "systems" / "endless"
SYSTEM = built(ENDLESS)
CLOCK, COUNTER = (SYSTEM.plan.sandbox(name) for name in ("clock", "counter"))  # guarded, direct
NX = 63


def size_for(system: BuiltSystem) -> int:
    return memory_size(MachineKind.MICROVM, system.plan.memory, system.plan.end)


@contextmanager
def booted(system: BuiltSystem, folder: Path) -> Iterator[Machine]:
    """A machine in which every kernel has started."""
    image = folder / "image.elf"
    image.write_bytes(system.image)
    plan = system.plan
    with Machine(MachineOptions(image=image, memory=size_for(system), cores=plan.cores)) as machine:
        programs = [system.boot, system.monitor, *system.kernels.values()]
        inspector = Inspector(plan, {each.name: each for each in programs}, machine.memory)
        end = time.monotonic() + 20
        while any(inspector.state(each.name) != SandboxState.STARTED for each in plan.sandboxes):
            assert time.monotonic() < end, machine.serial_text()
            time.sleep(0.01)
        yield machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with booted(SYSTEM, tmp_path_factory.mktemp("endless")) as machine:
        yield machine


@pytest.fixture
def memory(machine: Machine) -> Iterator[GuestMemory]:
    """The machine's memory, with the machine held still: nothing that is changed takes effect."""
    os.kill(machine.pid, signal.SIGSTOP)
    yield machine.memory
    os.kill(machine.pid, signal.SIGCONT)


def audited(memory: GuestMemory) -> Audit:
    return audit_machine(subject(SYSTEM), memory)


@contextmanager
def changed(memory: GuestMemory, address: int, change: bytes) -> Iterator[None]:
    before = memory.read(address, len(change))
    memory.write(address, change)
    try:
        yield
    finally:
        memory.write(address, before)


def test_a_machine_that_runs(machine: Machine) -> None:
    for _ in range(5):  # at whatever moment it is looked at
        audit = audited(machine.memory)
        assert audit.violations == ()
        assert audit.verdict == "proven" and audit.of == "machine"
    counts = {check.name: check.count for check in audit.checks}
    assert counts["control blocks"] == 2 * 0x400 * 8
    assert counts["doorbells"] == 2 * 256


def only(audit: Audit) -> Violation:
    assert audit.verdict == "violated"
    [violation] = audit.violations
    return violation


def test_a_view_that_was_widened(memory: GuestMemory) -> None:
    """A bit of a nested table flips while the machine runs."""
    secret = COUNTER.control
    at = entry_of(SYSTEM, CLOCK.nested_tables, secret)
    with changed(memory, at, struct.pack("<Q", secret | 1 << NX | 0x67)):
        audit = audited(memory)
    assert audit.violations[0].message == (
        f"'clock' may read and write {secret:#x} (monitor of counter)"
    )
    assert audit.violations[1].message == (
        f"clock and monitor of counter may all write the page at {secret:#x}"
    )
    assert audited(memory).verdict == "proven"


@pytest.mark.parametrize(
    ("offset", "change", "name", "found"),
    [
        (0x090, b"\0", "nested paging and encryption", "0x0"),
        (0x0B0, b"\1", "address of the nested tables", None),
        (0x048, b"\1", "address of the MSR map", None),
        (0x058, b"\0", "address space (ASID)", "0x0"),
        (0x060 + 3, b"\x80", "virtual interrupts", "0x80000000"),
        (0x0A8 + 3, b"\x80", "event to inject", None),
        (0x0C0, b"\x02", "clean bits", "0x2"),
    ],
)
def test_control_blocks(
    memory: GuestMemory, offset: int, change: bytes, name: str, found: str | None
) -> None:
    with changed(memory, CLOCK.control + offset, change):
        violation = only(audited(memory))
    wanted = f"the control block of 'clock' has {name} = {found or ''}"
    assert violation.message.startswith(wanted)
    assert violation.who == "clock" and violation.page == CLOCK.control


@pytest.mark.parametrize(("event", "name"), [(0x8000_0306, ""), (0x8000_0B0D, "event to inject")])
def test_an_exception_for_whoever_calls_from_user_mode(
    memory: GuestMemory, event: int, name: str
) -> None:
    """A kernel that has taken to user mode makes no violation of it; others it is never given."""
    with changed(memory, CLOCK.control + 0x0A8, struct.pack("<Q", event)):
        audit = audited(memory)
    assert [name in violation.message for violation in audit.violations] == ([True] if name else [])


@pytest.mark.parametrize(
    ("offset", "bit", "name"),
    [
        *((0x00C, bit, name) for bit, name in INTERCEPTS_3.items()),
        *((0x010, bit, name) for bit, name in INTERCEPTS_4.items()),
    ],
)
def test_an_intercept_that_is_missing(
    memory: GuestMemory, offset: int, bit: int, name: str
) -> None:
    at = CLOCK.control + offset
    value = int.from_bytes(memory.read(at, 4), "little")
    assert value >> bit & 1
    with changed(memory, at, struct.pack("<I", value ^ 1 << bit)):
        violation = only(audited(memory))
    assert violation.message == (
        f"the control block of 'clock' has intercepts at 0x{offset:03X} = {value ^ 1 << bit:#x}, "
        f"without {name}"
    )
    assert violation.declared == f"{value:#x}"


def test_what_is_reserved_in_a_control_block(memory: GuestMemory) -> None:
    with changed(memory, CLOCK.control + 0x300, b"\x01"):
        violation = only(audited(memory))
    assert violation.message == "the control block of 'clock' has 0x1 at 0x300"


def test_a_guest_that_can_not_be_entered(memory: GuestMemory) -> None:
    at = CLOCK.control + 0x4D1
    with changed(memory, at, bytes([memory.read(at, 1)[0] & ~0x10])):
        assert "with which it can't be entered" in only(audited(memory)).message


def test_a_command_that_a_monitor_would_let_pass(memory: GuestMemory) -> None:
    """INIT to the other core, where the doorbells that were worked out are kept."""
    table = SYSTEM.monitor.symbols.address("questv.monitor.apic.allowed")
    window = next(window for window in CLOCK.monitor_windows if window.name == "bss")
    at = window.physical + table - window.address + 8 * 0x80
    command = 1 << 32 | 0x4500
    with changed(memory, at, struct.pack("<Q", command)):
        violation = only(audited(memory))
    assert violation.message == (
        f"the monitor of 'clock' lets the interrupt command {command:#x} pass"
    )
    assert violation.declared == "none with vector 0x80"


def test_doorbells_to_cores_that_can_not_be(memory: GuestMemory) -> None:
    doorbells = CLOCK.monitor_plan + int(offsetof(MonitorPlan, "doorbells")) + 0x80
    with changed(memory, doorbells, b"\xff"):
        audit = audited(memory)
    assert [violation.message for violation in audit.violations] == [
        "'clock' may ring core 254 with vector 0x80"
    ]


def test_a_doorbell_to_another_core_by_a_changed_number(memory: GuestMemory) -> None:
    """The command that was worked out fits what this monitor is told, but not the others."""
    table = SYSTEM.monitor.symbols.address("questv.monitor.apic.allowed")
    window = next(window for window in CLOCK.monitor_windows if window.name == "bss")
    told = MonitorPlan.view(memory.read(CLOCK.monitor_plan, sizeof(MonitorPlan)))
    vector = next(vector for vector, core in enumerate(told.doorbells) if core)
    core = int(told.doorbells[vector]) - 1
    number = CLOCK.monitor_plan + int(offsetof(MonitorPlan, "machine"))
    number += int(offsetof(MachineFacts, "apic_ids")) + 4 * core
    command = window.physical + table - window.address + 8 * vector
    with (
        changed(memory, number, struct.pack("<I", 7)),
        changed(memory, command, struct.pack("<Q", 7 << 32 | vector)),
    ):
        violation = only(audited(memory))
    assert violation.message == (
        f"the monitor of 'counter' is told that core {core} has APIC {core}, "
        f"that of 'clock' that it has APIC 7"
    )


def test_a_control_block_outside_of_all_memory(memory: GuestMemory) -> None:
    at = CLOCK.monitor_plan + int(offsetof(MonitorPlan, "control"))
    with changed(memory, at, struct.pack("<Q", 1 << 40)):
        said = [violation.message for violation in audited(memory).violations]
    assert said == [
        "the monitor of clock is told control = 0x10000000000",
        "one of the control blocks of 'clock' is not there: the machine has no memory there",
    ]


def test_text_that_changed(memory: GuestMemory) -> None:
    window = next(window for window in COUNTER.kernel_windows if window.name == "rodata")
    at = window.physical + window.size - 1
    with changed(memory, at, b"\x55"):
        assert (
            only(audited(memory)).message == f".rodata of the kernel of counter has 0x55 at {at:#x}"
        )


def test_data_that_changes_is_nobodys_business(memory: GuestMemory) -> None:
    """Kernels and monitors write their data as they run; that it does not matter is the point."""
    window = next(window for window in COUNTER.kernel_windows if window.name == "stack start")
    with changed(memory, window.physical, bytes(range(100))):
        assert audited(memory).verdict == "proven"


def test_a_table_beyond_the_machines_memory(memory: GuestMemory) -> None:
    region = SYSTEM.plan.region_at(CLOCK.nested_tables)
    assert region is not None
    plan = SYSTEM.plan.model_copy(
        update={
            "regions": tuple(
                each.model_copy(update={"size": 1 << 40}) if each == region else each
                for each in SYSTEM.plan.regions
            )
        }
    )
    at = entry_of(SYSTEM, CLOCK.nested_tables, 0, 4)
    with changed(memory, at, struct.pack("<Q", 1 << 36 | 0x27)):
        audit = audit_machine(subject(SYSTEM, plan=plan), memory)
    said = [violation.message for violation in audit.violations]
    assert (
        "'clock': an entry for 0x0 leads to 0x1000000000: the machine has no memory there" in said
    )


def test_before_the_monitors_run(tmp_path: Path) -> None:
    """A machine that has not booted: what the image put there, and control blocks of none."""
    image = tmp_path / "image.elf"
    image.write_bytes(SYSTEM.image)
    options = MachineOptions(
        image=image, memory=size_for(SYSTEM), cores=1
    )  # one too few: it will not boot
    with Machine(options) as machine:
        machine.wait(20)
        audit = audited(machine.memory)
    assert audit.violations == ()
    assert {check.name: check.count for check in audit.checks}["control blocks"] == 0


def test_a_foreign_kernel(tmp_path: Path) -> None:
    """Its view begins at 0; it may write its code, set CR0 and XCR0, and begin with own tables."""
    system = built(HELLO.parent / "foreign")
    guest = next(sandbox for sandbox in system.plan.sandboxes if sandbox.foreign)
    image = tmp_path / "image.elf"
    image.write_bytes(system.image)
    options = MachineOptions(image=image, memory=size_for(system), cores=system.plan.cores)
    with Machine(options) as machine:
        machine.wait(20)
        audit = audit_machine(subject(system), machine.memory)
        assert audit.violations == ()
        assert {check.name: check.count for check in audit.checks}["control blocks"] == 2 * 8192
        at = entry_of(system, guest.nested_tables, guest.memory)
        page = word(system, at) & 0xF_FFFF_FFFF_F000
        with changed(machine.memory, at, struct.pack("<Q", word(system, at) | 2)):
            widened = audit_machine(subject(system), machine.memory)
        with changed(machine.memory, guest.control + 0x0AB, b"\x80"):
            injected = audit_machine(subject(system), machine.memory)
        with changed(machine.memory, guest.control + 0x0A8, struct.pack("<Q", 0x80000B0D)):
            refused = audit_machine(subject(system), machine.memory)
        intercepts = int.from_bytes(machine.memory.read(guest.control + 0x00C, 4), "little")
        with changed(machine.memory, guest.control + 0x00C, struct.pack("<I", intercepts ^ 2)):
            deaf = audit_machine(subject(system), machine.memory)
    assert only(widened).message == (
        f"'{guest.name}' may read and write {page:#x} (memory of {guest.name}) at {guest.memory:#x}"
    )
    assert only(widened).declared == "to read it"
    assert only(injected).message.startswith(
        f"the control block of '{guest.name}' has event to inject = "
    )
    assert refused.verdict == "proven"
    assert only(deaf).message.endswith(f"0x00C = {intercepts ^ 2:#x}, without NMI")
