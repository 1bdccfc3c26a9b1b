"""What the audit says of tasks that move: who shares their memory, and who does not."""

from __future__ import annotations

from typing import Any

import pytest

from questv.audit.model import Audit
from questv.metal.structs import offsetof
from questv.monitor.plan import MonitorPlan
from questv.plan.build import BuiltSystem, build
from tests.kernel.test_migration import system, write

from .subjects import audited, entry_of, flipped, word

WRITABLE = 1


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    return build(write(tmp_path_factory.mktemp("movers"), system()))


def messages(audit: Audit) -> list[str]:
    return [violation.message for violation in audit.violations]


def moving(made: BuiltSystem) -> Any:
    """The region of the task that moves."""
    [region] = [each for each in made.plan.regions if each.owner == "task"]
    return region


def test_an_image_as_it_is_built(made: BuiltSystem) -> None:
    audit = audited(made)
    assert audit.verdict == "proven"
    shared = [piece for piece in audit.map if piece.whose == moving(made).name]
    by = dict(zip(audit.parties, shared[0].rights, strict=True))
    assert by == {name: "rw" if name in ("one", "two") else "" for name in audit.parties}


def test_a_third_kernel_that_sees_the_task(made: BuiltSystem) -> None:
    """A page of a kernel's own is exchanged for the task's."""
    third, region = made.plan.sandbox("third"), moving(made)
    own = next(window.physical for window in third.view if window.rights == "rw")
    at = entry_of(made, third.nested_tables, own)
    planted = word(made, at) - own + region.start
    audit = audited(made, {at: planted.to_bytes(8, "little")})
    assert any(
        said.startswith(f"'third' may read and write {region.start:#x}") for said in messages(audit)
    )


def test_a_peer_that_writes_the_side_of_the_task(made: BuiltSystem) -> None:
    third = made.plan.sandbox("third")
    [channel] = [each for each in made.plan.channels if each.name == "back"]
    at = entry_of(made, third.nested_tables, channel.sender_area)
    audit = audited(made, flipped(made, at, WRITABLE))
    found = {check.name for check in audit.checks if check.violations}
    assert found == {"views", "sharing"}
    assert any("'third' may read and write" in said for said in messages(audit))


def test_a_kernel_that_writes_the_text_of_the_task(made: BuiltSystem) -> None:
    two = made.plan.sandbox("two")
    [process] = two.processes
    text = next(window for window in process.windows if window.name == "text")
    at = entry_of(made, two.nested_tables, text.physical)
    audit = audited(made, flipped(made, at, WRITABLE))
    assert any("'two' may read, write and execute" in said for said in messages(audit))


def test_a_doorbell_of_moves_to_somebody_else(made: BuiltSystem) -> None:
    two, third = (made.plan.sandbox(name) for name in ("two", "third"))
    [process] = two.processes
    assert process.move is not None
    vector = process.move.places[0].vector
    at = two.monitor_plan + int(offsetof(MonitorPlan, "doorbells")) + vector
    audit = audited(made, {at: bytes([1 + third.core])})
    assert any("'two' has no doorbell to one" in said for said in messages(audit))
