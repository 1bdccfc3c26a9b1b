"""What the audit says of processes: the image is examples/process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from questv.audit.auditor import Auditor
from questv.audit.model import Audit
from questv.kernel.processes import Process
from questv.metal.structs import offsetof

from .subjects import PAGE, audited, built, entry_of, flipped, memory, subject, with_sandbox, word

EXAMPLE = Path(__file__).parents[2] / "examples" / "process"
SYSTEM = built(EXAMPLE)
COURT, SENSOR = (SYSTEM.plan.sandbox(name) for name in ("court", "sensor"))
[PROCESS] = COURT.processes
USER, WRITABLE, NX = 2, 1, 63


def part(name: str) -> Any:
    return next(window for window in PROCESS.windows if window.name == name)


def entry(name: str) -> int:
    """Where the entry for the first page of a part of the process stands."""
    return entry_of(SYSTEM, PROCESS.tables, part(name).address)


def broken(audit: Audit) -> dict[str, int]:
    return {check.name: check.violations for check in audit.checks if check.violations}


def messages(audit: Audit) -> list[str]:
    return [violation.message for violation in audit.violations]


def test_an_image_as_it_is_built() -> None:
    audit = audited(SYSTEM)
    assert audit.verdict == "proven"
    [check] = [check for check in audit.checks if check.name == "processes"]
    windows = (*PROCESS.windows, *COURT.kernel_windows)
    assert check.count == sum(window.size for window in windows) // PAGE


@pytest.mark.parametrize(
    ("name", "bit", "says"),
    [
        ("text", WRITABLE, "may read, write and execute"),
        ("rodata", WRITABLE, "may read and write"),
        ("info", WRITABLE, "may read and write"),
        ("stack", NX, "may read, write and execute"),
        ("samples (other side)", WRITABLE, "may read and write"),
        ("text", USER, "may read and execute"),
    ],
)
def test_rights_of_its_own(name: str, bit: int, says: str) -> None:
    audit = audited(SYSTEM, flipped(SYSTEM, entry(name), bit))
    assert "processes" in broken(audit)
    assert any(
        "the process 'judge' of 'court'" in said and says in said for said in messages(audit)
    )


def test_the_kernel_for_its_process() -> None:
    """The kernel's text with the bit for user mode, at all levels that lead there."""
    text = next(window for window in COURT.kernel_windows if window.name == "text")
    changes: dict[int, bytes] = {}
    for level in range(1, 5):
        at = entry_of(SYSTEM, PROCESS.tables, text.address, level)
        changes |= flipped(SYSTEM, at, USER)
    audit = audited(SYSTEM, changes)
    assert "processes" in broken(audit)
    assert any(
        "may read and execute" in said and "in kernel mode" not in said for said in messages(audit)
    )


def test_memory_of_somebody_else() -> None:
    other = next(window for window in SENSOR.kernel_windows if window.name == "data").physical
    at = entry("stack")
    value = word(SYSTEM, at) & ~0xF_FFFF_FFFF_F000 | other
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    assert (
        f"the process 'judge' of 'court' may read and write {other:#x} (memory of sensor)"
        in (messages(audit)[0])
    )


def test_a_guard_page_of_its_stack() -> None:
    after = part("stack").address + part("stack").size
    at = entry_of(SYSTEM, PROCESS.tables, after)
    value = word(SYSTEM, entry("stack"))
    audit = audited(SYSTEM, {at: value.to_bytes(8, "little")})
    said = messages(audit)
    assert any(f"sees memory at {after:#x}, the page after stack" in each for each in said)


def test_its_tables_lie_elsewhere() -> None:
    at = COURT.physical(PROCESS.object) + offsetof(Process, "space")
    audit = audited(SYSTEM, {at: SENSOR.kernel_tables.to_bytes(8, "little")})
    assert {"roots", "processes"} <= broken(audit).keys()


def test_its_program_is_another() -> None:
    at = part("text").physical + 8
    audit = audited(SYSTEM, flipped(SYSTEM, at, 0))
    assert broken(audit) == {"programs": 1}
    assert messages(audit)[0].startswith(".text of the process judge of court has")


def test_a_claim_that_shows_it_a_channel_that_it_has_not() -> None:
    """The plan takes an end of the process for another task's."""
    ends = tuple(end.model_copy(update={"task": 1 - end.task}) for end in COURT.ends)
    plan = with_sandbox(SYSTEM.plan, "court", ends=ends)
    audit = Auditor(subject(SYSTEM, plan=plan), memory(SYSTEM), live=False).audit()
    assert "processes" in broken(audit)
