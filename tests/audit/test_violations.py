"""Every kind of violation, with what is said of it; the image is examples/hello."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from questv.audit.auditor import Auditor
from questv.audit.model import Audit, Violation
from questv.boot.plan import BootPlan
from questv.metal.structs import offsetof
from questv.monitor.plan import MonitorPlan
from questv.plan.build import build
from tests.running import sandbox_text, system_text, task_text, write_system

from .subjects import (
    HELLO,
    PAGE,
    audited,
    built,
    entry_of,
    flipped,
    hello,
    memory,
    subject,
    word,
)

SYSTEM = hello()
PING, PONG = (SYSTEM.plan.sandbox(name) for name in ("ping", "pong"))
NX = 63


def part(sandbox: Any, name: str) -> Any:
    return next(window for window in sandbox.kernel_windows if window.name == name)


def monitor_part(sandbox: Any, name: str) -> Any:
    return next(window for window in sandbox.monitor_windows if window.name == name)


def region(name: str) -> Any:
    return next(region for region in SYSTEM.plan.regions if region.name == name)


def view_entry(address: int, level: int = 1) -> int:
    return entry_of(SYSTEM, PING.nested_tables, address, level)


def broken(audit: Audit) -> dict[str, int]:
    """The checks that fail, and how often."""
    return {check.name: check.violations for check in audit.checks if check.violations}


def only(audit: Audit) -> Violation:
    """The one violation that there is."""
    assert audit.verdict == "violated"
    [violation] = audit.violations
    return violation


def test_an_image_as_it_is_built() -> None:
    audit = audited(SYSTEM)
    assert audit.verdict == "proven" and audit.violations == () and broken(audit) == {}
    counts = {check.name: check.count for check in audit.checks}
    above = sum(region.size for region in SYSTEM.plan.regions if region.start >= 4 << 30)
    assert counts["owners"] == ((16 << 20) + above) // PAGE
    assert counts["MSR guards"] == 2 * 3 * 0x800 * 8
    assert counts["MSR maps"] == 2 * 0x2000 * 8 and counts["I/O maps"] == 2 * 0x3000 * 8
    assert counts["control blocks"] is None and counts["doorbells"] is None
    own = SYSTEM.plan.sandbox("ping").memory // PAGE
    channels = sum(region.size for region in SYSTEM.plan.regions if region.owner == "channel")
    assert audit.sandboxes[0].view.pages == own + channels // PAGE


# ---- views -----------------------------------------------------------------------------------


def test_a_page_of_another_sandbox() -> None:
    """An entry that led to a page of one's own leads to another's."""
    own, other = part(PING, "data").physical, part(PONG, "data").physical
    at = view_entry(own)
    value = word(SYSTEM, at) & ~0xF_FFFF_FFFF_F000 | other
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    violation, shared = audit.violations
    assert shared.message == f"ping and pong may all write the page at {other:#x}"
    assert violation.message == (
        f"'ping' may read and write {other:#x} (memory of pong) at {own:#x}"
    )
    assert violation.declared == f"{own:#x} there (data)"
    assert violation.page == other and violation.right == "rw"
    assert violation.entry is not None
    assert (violation.entry.table, violation.entry.index) == (at & -PAGE, at % PAGE // 8)
    assert violation.entry.value == value
    assert broken(audit) == {"views": 1, "sharing": 1}


@pytest.mark.parametrize(
    ("what", "address"),
    [
        ("monitor of ping", PING.control),
        ("monitor of pong", PONG.monitor_plan),
        ("nested tables of ping", PING.nested_tables),
        ("monitor's tables of pong", PONG.monitor_tables),
        ("MSR map of ping", PING.msr_map),
        ("I/O map of pong", PONG.io_map),
        ("host save area of ping", PING.host_save),
        ("boot", region("boot").start),
    ],
)
def test_a_page_that_no_sandbox_may_see(what: str, address: int) -> None:
    """A new entry, in a table that has room for it, shows it: at its own address, or another."""
    shown = address if address < 4 << 30 else PONG.control
    at = view_entry(shown)
    assert word(SYSTEM, at) == 0
    value = address | 1 << NX | 0x65
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    violation = only(audit)
    place = "" if shown == address else f" at {shown:#x}"
    assert violation.message == f"'ping' may read {address:#x} ({what}){place}"
    assert violation.declared == "nothing"
    assert broken(audit) == {"views": 1}


def test_memory_that_is_nobodys_and_none() -> None:
    free = max(region.end for region in SYSTEM.plan.regions if region.end < 4 << 30)
    at = view_entry(free)
    value = free | 1 << NX | 0x67
    violation = only(audited(SYSTEM, {at: value.to_bytes(8, "little")}))
    assert violation.message == (f"'ping' may read and write {free:#x} (memory that is nobody's)")
    beyond = 1 << 40
    value = beyond | 1 << NX | 0x67
    violation = only(audited(SYSTEM, {at: value.to_bytes(8, "little")}))
    assert violation.message == (
        f"'ping' may read and write {beyond:#x} (outside the memory of the plan) at {free:#x}"
    )


@pytest.mark.parametrize(
    ("name", "bit", "found", "declared"),
    [
        ("text", 1, "read, write and execute", "to read and execute it"),
        ("text", NX, "read", "to read and execute it"),
        ("rodata", 1, "read and write", "to read it"),
        ("rodata", NX, "read and execute", "to read it"),
        ("info", 1, "read and write", "to read it"),
        ("data", NX, "read, write and execute", "to read and write it"),
        ("data", 1, "read", "to read and write it"),
        ("stack start", NX, "read, write and execute", "to read and write it"),
        ("there (other side)", 1, "read and write", "to read it"),
        ("there (own side)", 1, "read", "to read and write it"),
    ],
)
def test_other_rights_than_declared(name: str, bit: int, found: str, declared: str) -> None:
    address = part(PING, name).physical
    audit = audited(SYSTEM, flipped(SYSTEM, view_entry(address), bit))
    violation = next(each for each in audit.violations if each.who == "ping")
    whose = SYSTEM.plan.region_at(address)
    assert whose is not None
    assert violation.message == f"'ping' may {found} {address:#x} ({whose.name})"
    assert violation.declared == declared
    assert broken(audit)["views"] == 1
    both = {"read, write and execute": {"sharing"}, "read and write": set()}
    shared = {"sharing"} if name == "there (other side)" else set()
    assert broken(audit).keys() - {"views"} == both.get(found, set()) | shared


def test_the_other_side_of_a_channel_has_two_writers() -> None:
    address = part(PING, "there (other side)").physical
    audit = audited(SYSTEM, flipped(SYSTEM, view_entry(address), 1))
    assert audit.violations[-1].message == f"ping and pong may all write the page at {address:#x}"
    assert audit.violations[-1].declared == "one writer"


def test_a_page_that_is_missing() -> None:
    address = part(PING, "data").physical
    at = view_entry(address)
    audit = audited(SYSTEM, {at: bytes(8)})
    assert only(audit) == Violation(
        "ping",
        f"'ping' does not see data from {address:#x} to {address + PAGE:#x}",
        "to read and write it",
        address,
    )


def test_a_page_that_no_guest_gets_to() -> None:
    address = part(PING, "data").physical
    violation = only(audited(SYSTEM, flipped(SYSTEM, view_entry(address), 2)))
    assert violation.message == (
        f"'ping' may read and write {address:#x} (memory of ping), in kernel mode"
    )
    assert violation.declared == "user mode"


def test_memory_that_is_not_cached() -> None:
    address = part(PING, "data").physical
    violation = only(audited(SYSTEM, flipped(SYSTEM, view_entry(address), 4)))
    assert violation.declared == "cached, as memory"


@pytest.mark.parametrize(
    ("bit", "what"),
    [
        (3, "has bit 3 set (write-through (PWT)), which must be clear"),
        (5, "leaves it to the processor to set its accessed or dirty bit"),
        (6, "leaves it to the processor to set its accessed or dirty bit"),
        (7, "has bit 7 set (large page or PAT), which must be clear"),
        (8, "has bit 8 set (global), which must be clear"),
        (9, "has bit 9 set, which must be clear"),
        (52, "has bit 52 set, which must be clear"),
        (62, "has bit 62 set, which must be clear"),
    ],
)
def test_strange_bits(bit: int, what: str) -> None:
    address = part(PING, "data").physical
    audit = audited(SYSTEM, flipped(SYSTEM, view_entry(address), bit))
    assert audit.violations[0].message == f"'ping': an entry for {address:#x} {what}"
    assert broken(audit) == {"views": 1}


def test_an_entry_that_is_not_empty() -> None:
    at = view_entry(0)
    assert word(SYSTEM, at) == 0
    violation = only(audited(SYSTEM, flipped(SYSTEM, at, 1)))
    assert violation.message == "'ping': an entry for 0x0 is not present, and yet not empty"


@pytest.mark.parametrize("level", [2, 3])
def test_a_table_that_becomes_a_large_page(level: int) -> None:
    """What is below it is then shown to its whole length, from where the table was."""
    address = part(PING, "data").physical
    at = view_entry(address, level)
    audit = audited(SYSTEM, flipped(SYSTEM, at, 7))
    size = PAGE << 9 * (level - 1)
    messages = [violation.message for violation in audit.violations]
    shown = word(SYSTEM, at) & 0xF_FFFF_FFFF_F000 & -size
    assert any(f" may read, write and execute {shown:#x} " in message for message in messages)
    assert any("which must be clear" in message for message in messages)  # the address is odd


def test_a_table_at_the_top_can_be_no_page() -> None:
    audit = audited(SYSTEM, flipped(SYSTEM, view_entry(0, 4), 7))
    assert only(audit).message == (
        "'ping': an entry for 0x0 has bit 7 set (large page or PAT), which must be clear"
    )


# ---- tables that lead astray --------------------------------------------------------------------


def test_a_table_elsewhere() -> None:
    at = view_entry(0, 2)
    stray = part(PING, "data").physical
    value = word(SYSTEM, at) & 0xFFF | stray
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    assert audit.violations[0].message == (
        f"'ping': an entry for 0x0 leads to {stray:#x}, where no table may be"
    )
    assert "does not see" in audit.violations[1].message


def test_a_loop() -> None:
    root = PING.nested_tables
    value = root | 0x27
    audit = audited(SYSTEM, {root + 8 * 300: value.to_bytes(8, "little")})
    assert only(audit).message == (
        "'ping': an entry for 0xffff960000000000 leads to the table at "
        f"{root:#x}, which is reached from elsewhere too"
    )


def test_a_table_outside_of_all_memory() -> None:
    at = view_entry(0, 4)
    value = 0xF_FFFF_FFFF_F000 | 0x27
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    assert audit.violations[0].message == (
        "'ping': an entry for 0x0 leads to 0xffffffffff000, where no table may be"
    )


# ---- kernels and monitors ---------------------------------------------------------------------


def kernel_entry(address: int) -> int:
    return entry_of(SYSTEM, PING.kernel_tables, address)


def monitor_entry(address: int) -> int:
    return entry_of(SYSTEM, PING.monitor_tables, address)


def test_a_guard_page_of_a_kernel_that_is_there() -> None:
    guard = part(PING, "stack ping").address - PAGE
    at = kernel_entry(guard)
    assert word(SYSTEM, at) == 0
    page = part(PING, "data").physical
    value = page | 1 << NX | 0x63
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    assert [violation.message for violation in audit.violations] == [
        f"the kernel of 'ping' may read and write {page:#x} (memory of ping) at {guard:#x}",
        f"the kernel of 'ping' sees memory at {guard:#x}, the page below stack ping",
    ]


STATEFUL = """
class Own(State):
    count: u64

@task
def keep(own: Own) -> None:
    own.count = 1
"""


def test_a_guard_page_below_a_state_that_is_there(tmp_path: Path) -> None:
    text = system_text(sandbox_text("one", task_text("keep")))
    system = build(write_system(tmp_path, text, STATEFUL))
    one = system.plan.sandbox("one")
    guard = part(one, "state own of keep").address - PAGE
    at = entry_of(system, one.kernel_tables, guard)
    value = part(one, "data").physical | 1 << NX | 0x63
    audit = audited(system, {at: value.to_bytes(8, "little")})
    assert audit.violations[-1].message == (
        f"the kernel of 'one' sees memory at {guard:#x}, the page below state own of keep"
    )


def test_writable_text_and_user_mode_of_a_kernel() -> None:
    text = part(PING, "text")
    audit = audited(SYSTEM, flipped(SYSTEM, kernel_entry(text.address), 1))
    assert [violation.message for violation in audit.violations] == [
        f"the kernel of 'ping' may read, write and execute {text.physical:#x} (memory of ping) "
        f"at {text.address:#x}",
        f"the kernel of 'ping' may write and execute {text.physical:#x}",
    ]
    assert broken(audit) == {"kernels": 2}


def test_user_mode_of_a_kernel() -> None:
    """The tables above would have to allow it as well."""
    text = part(PING, "text")
    changes: dict[int, bytes] = {}
    for level in (1, 2, 3, 4):
        at = entry_of(SYSTEM, PING.kernel_tables, text.address, level)
        changes |= flipped(SYSTEM, at, 2)
    audit = audited(SYSTEM, changes)
    assert only(audit).message == (
        f"the kernel of 'ping' may read and execute {text.physical:#x} (memory of ping) "
        f"at {text.address:#x}, in user mode"
    )


def test_a_kernel_that_shows_itself_its_page_tables() -> None:
    stack = part(PING, "stack ping")
    at = kernel_entry(stack.address)
    value = word(SYSTEM, at) & ~0xF_FFFF_FFFF_F000 | PING.kernel_tables
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    assert [violation.message for violation in audit.violations][1] == (
        f"the kernel of 'ping' may write its own page table at {PING.kernel_tables:#x}, "
        f"at {stack.address:#x}"
    )


def test_page_zero() -> None:
    """Its top table is the one that shows the program, so that a directory has to be borrowed."""
    at = entry_of(SYSTEM, PING.kernel_tables, 0, 3)
    assert word(SYSTEM, at) == 0
    value = part(PING, "data").physical & -(1 << 30) | 1 << NX | 0xE3
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    assert "the kernel of 'ping' sees memory at 0x0, page zero" in [
        violation.message for violation in audit.violations
    ]


@pytest.mark.parametrize(
    ("name", "bit", "message"),
    [
        ("text", 1, "may read, write and execute {page:#x} (monitor of ping) at {at:#x}"),
        ("plan", 1, "may read and write {page:#x} (monitor of ping) at {at:#x}"),
        ("control", NX, "may read, write and execute {page:#x} (monitor of ping) at {at:#x}"),
        ("public page of pong", 1, "may read and write {page:#x} (monitor of pong) at {at:#x}"),
    ],
)
def test_rights_of_a_monitor(name: str, bit: int, message: str) -> None:
    window = monitor_part(PING, name)
    audit = audited(SYSTEM, flipped(SYSTEM, monitor_entry(window.address), bit))
    wanted = message.format(page=window.physical, at=window.address)
    assert audit.violations[0].message == f"the monitor of 'ping' {wanted}"


def test_a_monitor_that_sees_a_table() -> None:
    stack = monitor_part(PING, "stack")
    guard = stack.address - PAGE
    value = PONG.nested_tables | 1 << NX | 0x63
    audit = audited(SYSTEM, {monitor_entry(guard): value.to_bytes(8, "little")})
    assert [violation.message for violation in audit.violations] == [
        f"the monitor of 'ping' may read and write {PONG.nested_tables:#x} "
        f"(nested tables of pong) at {guard:#x}",
        f"the monitor of 'ping' sees memory at {guard:#x}, the page below stack",
    ]


# ---- maps ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bit", "message", "declared"),
    [
        (2 * 0x830 + 1, "may write MSR 0x830", "nothing of it"),  # interrupt command
        (2 * 0x832 + 1, "may write MSR 0x832", "to read it"),  # the timer's mode
        (0x800 * 8 + 2 * 0x80, "may read MSR 0xc0000080", "nothing of it"),  # EFER
        (0x1000 * 8 + 2 * 0x117 + 1, "may write MSR 0xc0010117", "nothing of it"),  # VM_HSAVE_PA
    ],
)
def test_an_msr_that_passes(bit: int, message: str, declared: str) -> None:
    at = PING.msr_map + bit // 64 * 8
    violation = only(audited(SYSTEM, flipped(SYSTEM, at, bit % 64)))
    assert violation.message == f"'ping' {message} without an exit"
    assert violation.declared == declared
    assert violation.entry is not None
    assert (violation.entry.table, violation.entry.index) == (PING.msr_map, bit // 64)


@pytest.mark.parametrize("gib", [1, 2, 3])
def test_an_msr_that_passes_by_a_number_of_more_than_32_bits(gib: int) -> None:
    """Where QEMU looks for the permission to read the interrupt command, if rcx has high bits."""
    bit = 2 * 0x830
    at = PING.msr_map + (gib << 30) + bit // 64 * 8
    violation = only(audited(SYSTEM, flipped(SYSTEM, at, bit % 64)))
    assert violation.message == f"'ping' may read MSR 0x830 by rcx = {0x830 | gib << 32:#x}"
    assert violation.declared == "nothing of it"


def test_an_msr_map_without_a_guard() -> None:
    plan = SYSTEM.plan
    regions = tuple(region for region in plan.regions if region.start < 7 << 30)
    plan = plan.model_copy(update={"regions": regions})
    audit = Auditor(subject(SYSTEM, plan=plan), memory(SYSTEM), live=False).audit()
    assert audit.violations[0].message == (
        f"'ping' has no guard at {PING.msr_map + (3 << 30):#x}, 3 GiB behind its MSR map"
    )
    assert broken(audit) == {"MSR guards": 2}


def test_the_reserved_end_of_an_msr_map() -> None:
    at = PING.msr_map + 0x1800
    assert only(audited(SYSTEM, flipped(SYSTEM, at, 5))).message == (
        "'ping' has bit 0xc005 of its MSR map clear, which stands for no MSR"
    )


def test_an_msr_that_does_not_pass() -> None:
    bit = 2 * 0x80B + 1
    violation = only(audited(SYSTEM, flipped(SYSTEM, PING.msr_map + bit // 64 * 8, bit % 64)))
    assert violation.message == "'ping' may not write MSR 0x80b without an exit"


@pytest.mark.parametrize(
    ("bit", "what"), [(0xCF9, "port 0xcf9"), (0x10000, "1 beyond port 0xffff")]
)
def test_a_port_that_passes(bit: int, what: str) -> None:
    at = PONG.io_map + bit // 64 * 8
    violation = only(audited(SYSTEM, flipped(SYSTEM, at, bit % 64)))
    assert violation.message == f"'pong' may use {what} without an exit"
    assert violation.who == "pong" and violation.declared == "nothing of it"


# ---- what is told, and the programs -------------------------------------------------------------


def told(sandbox: Any, field: str) -> int:
    return int(sandbox.monitor_plan + offsetof(MonitorPlan, field))


def test_a_doorbell_to_somebody_else() -> None:
    """A third core's, one more to the peer, and one with the vector of an exception."""
    bells = told(PING, "doorbells")
    for vector, core, whom in ((0x80, 5, "core 5"), (0x80, 1, "pong"), (0x0E, 1, "pong")):
        change = {bells + vector: bytes([1 + core])}
        violation = audited(SYSTEM, change).violations[0]
        assert violation.message == f"'ping' may ring {whom} with vector {vector:#x}"
        assert violation.declared == "doorbells to pong, pong, vectors 0x30 to 0xef"


def test_a_doorbell_that_is_missing() -> None:
    vector = PING.ends[0].peer_vector
    change = {told(PING, "doorbells") + vector: bytes(1)}
    assert only(audited(SYSTEM, change)).message == "'ping' has no doorbell to pong"


def test_a_clock_that_is_made_wrong() -> None:
    violation = only(audited(SYSTEM, {told(PONG, "tsc_skew"): b"\1"}))
    assert violation.message == "the monitor of pong is told tsc_skew = 0x1"
    assert violation.declared == "0x0"


@pytest.mark.parametrize("field", ["nested_tables", "msr_map", "io_map", "control", "host_save"])
def test_a_monitor_that_is_led_elsewhere(field: str) -> None:
    """To another sandbox's: what it holds is then held against what this one may."""
    elsewhere = getattr(PONG, field)
    change = {told(PING, field): elsewhere.to_bytes(8, "little")}
    audit = audited(SYSTEM, change)
    assert audit.violations[0].message == (f"the monitor of ping is told {field} = {elsewhere:#x}")
    assert audit.violations[0].declared == f"{getattr(PING, field):#x}"


@pytest.mark.parametrize("who", ["boot", "monitor of ping"])
def test_the_end_of_a_run_told_to_another_port(who: str) -> None:
    """The reset of a PC, say."""
    at = {
        "boot": SYSTEM.boot.symbols.address("boot_plan") + int(offsetof(BootPlan, "exit_port")),
        "monitor of ping": PING.monitor_plan + int(offsetof(MonitorPlan, "exit_port")),
    }[who]
    audit = audited(SYSTEM, {at: (0xCF9).to_bytes(4, "little")})
    assert [violation.message for violation in audit.violations] == [
        f"the {who} is told exit_port = 0xcf9"
    ]


def test_other_code_than_the_programs() -> None:
    for who, window in (
        ("monitor of ping", monitor_part(PING, "text")),
        ("kernel of pong", part(PONG, "rodata")),
        ("kernel of pong", part(PONG, "data")),
    ):
        at = window.physical + 40
        there = word(SYSTEM, at) & 0xFF
        audit = audited(SYSTEM, {at: bytes([there ^ 1])})
        assert only(audit).message == f".{window.name} of the {who} has {there ^ 1:#04x} at {at:#x}"
        assert only(audit).declared == f"{there:#04x}, as in the program"


def test_a_doorbell_that_a_monitor_would_find_worked_out_already() -> None:
    """What its data hold before it runs, is part of what it lets pass."""
    at = monitor_part(PING, "bss").physical + 8 * 0x40
    audit = audited(SYSTEM, {at: b"\x01"})
    assert broken(audit) == {"programs": 1}


# ---- devices -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (0, 1, "interrupt 1 goes to {owner} with vector {vector:#x}"),  # the keyboard's
        (1, 9, "interrupt {interrupt} goes to core 9 with vector {vector:#x}"),
        (2, 2, "interrupt {interrupt} goes to {owner} with vector 0x2"),  # an NMI's
    ],
)
def test_interrupts_of_devices(field: int, value: int, message: str) -> None:
    system = built(HELLO.parent / "serial")
    assert audited(system).verdict == "proven"
    owner = next(sandbox for sandbox in system.plan.sandboxes if sandbox.streams)
    stream = owner.streams[0]
    at = system.boot.symbols.address("boot_plan") + int(offsetof(BootPlan, "routes"))
    audit = audited(system, {at + 4 * field: value.to_bytes(4, "little")})
    wanted = message.format(owner=owner.name, interrupt=stream.interrupt, vector=stream.vector)
    assert only(audit).message == wanted
