"""What monitors are told of restarts, and what these write."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.metal.structs import offsetof, sizeof
from questv.monitor.plan import Image, MonitorPlan, Piece, RecoveryPlan
from questv.plan.build import BuiltSystem, build
from tests.running import sandbox_text, system_text, task_text, write_system

from .subjects import PAGE, audited, memory, word

RECOVERY = '[sandbox.recovery]\non_fault = "restart"\n'
TASKS = """
@task
def work() -> None:
    pass
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    text = system_text(
        sandbox_text("one", RECOVERY, task_text("work")),
        sandbox_text("two", task_text("work")),
    )
    return build(write_system(Path(tmp_path_factory.mktemp("restarts")), text, TASKS))


def messages(system: BuiltSystem, address: int, value: int) -> list[str]:
    """What is said of an image in which one word is another."""
    audit = audited(system, {address: value.to_bytes(8, "little")})
    assert "restarts" in {check.name for check in audit.checks if check.violations}
    return [violation.message for violation in audit.violations]


def test_a_restart_changes_nothing_that_has_not_run(system: BuiltSystem) -> None:
    audit = audited(system)
    assert audit.verdict == "proven"


@pytest.mark.parametrize("field", ["limit", "window", "back_off", "image", "sandbox", "start"])
def test_a_monitor_is_told_what_was_declared(system: BuiltSystem, field: str) -> None:
    plan = system.plan.sandbox("one").monitor_plan
    address = plan + offsetof(MonitorPlan, "recovery") + offsetof(RecoveryPlan, field)
    said = messages(system, address, 5)
    assert f"the monitor of 'one' is told {field} = 0x5" in said


def test_who_is_not_to_be_restarted_is_not(system: BuiltSystem) -> None:
    plan = system.plan.sandbox("two").monitor_plan
    address = plan + offsetof(MonitorPlan, "recovery") + offsetof(RecoveryPlan, "limit")
    assert "the monitor of 'two' may restart its kernel" in messages(system, address, 1)


def piece(system: BuiltSystem, number: int, field: str) -> int:
    recovery = system.plan.sandbox("one").recovery
    assert recovery is not None
    return recovery.image + sizeof(Image) + number * sizeof(Piece) + offsetof(Piece, field)


def test_an_image_that_writes_elsewhere(system: BuiltSystem) -> None:
    target = system.plan.sandbox("two").kernel_tables
    said = messages(system, piece(system, 0, "start"), target)
    assert any(f"bytes at {target:#x} for a restart" in message for message in said)


def test_an_image_that_reads_elsewhere(system: BuiltSystem) -> None:
    said = messages(system, piece(system, 0, "source"), 1 << 40)
    assert any("has no contents for" in message for message in said)


def test_an_image_with_too_many_pieces(system: BuiltSystem) -> None:
    recovery = system.plan.sandbox("one").recovery
    assert recovery is not None
    said = messages(system, recovery.image, 1 << 32)
    assert "the monitor of 'one' has an image of 4294967296 pieces" in said


def test_an_image_that_is_not_the_beginning(system: BuiltSystem) -> None:
    recovery = system.plan.sandbox("one").recovery
    assert recovery is not None
    contents = memory(system).read(recovery.image, recovery.size)
    count = int(Image.view(contents[: sizeof(Image)]).count)
    address = recovery.image + sizeof(Image) + count * sizeof(Piece)
    said = messages(system, address, word(system, address) ^ 1)
    assert any("with other memory at" in message for message in said)


def test_pages_of_both_are_written_by_both_alone(system: BuiltSystem) -> None:
    """The monitor of the other sandbox does not see them."""
    one = system.plan.sandbox("one")
    [part] = [
        piece
        for piece in audited(system).map
        if piece.start <= one.kernel_tables < piece.start + piece.size
    ]
    assert part.rights == ("rw", "", "rw", "") and part.size >= PAGE
