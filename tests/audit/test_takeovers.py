"""What standbys can reach, before and after another sandbox has failed over to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from questv.metal.structs import offsetof
from questv.monitor.plan import MonitorPlan, RecoveryPlan, TakeoverPlan
from questv.plan.build import BuiltSystem, build
from tests.running import ring_text, sandbox_text, system_text, task_text, write_system

from .subjects import audited, memory, word

TASKS = """
class Count(State, version=1):
    calls: u64

@task
def talk(answers: Sender, count: Count) -> None:
    pass

@task
def listen(answers: Receiver) -> None:
    pass
"""
FAIL_OVER = '[sandbox.recovery]\non_fault = "fail-over"\nto = "standby"\n'
PLAIN, AFTER = "nested_tables", "takeover"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> BuiltSystem:
    spare = task_text("talk", name="spare", keys='stands_in_for = "comms.talk"', answers="answers")
    text = system_text(
        sandbox_text("comms", FAIL_OVER, task_text("talk", answers="answers")),
        sandbox_text("standby", spare),
        sandbox_text("peer", task_text("listen", answers="answers")),
        ring_text("answers", "comms", "peer"),
    )
    return build(write_system(Path(tmp_path_factory.mktemp("takeovers")), text, TASKS))


def messages(system: BuiltSystem, address: int, value: int) -> list[str]:
    """What is said of an image in which one word is another."""
    audit = audited(system, {address: value.to_bytes(8, "little")})
    assert audit.verdict == "violated"
    return [violation.message for violation in audit.violations]


def test_what_was_declared_is_there(system: BuiltSystem) -> None:
    audit = audited(system)
    assert audit.verdict == "proven"
    own = audit.parties.index("standby")
    after = audit.parties.index("standby after takeover")
    seen = {
        ": ".join((piece.whose, *piece.parts)): piece.rights
        for piece in audit.map
        if piece.rights[after]
    }
    assert {what: rights[after] for what, rights in seen.items()} == {
        "memory of comms: kept states": "rw",
        "answers: written by comms": "rw",
        "answers: written by peer": "r",
    }
    assert all(rights[own] == "" for rights in seen.values())


def entry(system: BuiltSystem, root: int, address: int) -> int:
    """Where the entry for a page is in a set of page tables."""
    table = root
    for shift in (39, 30, 21):
        table = word(system, table + (address >> shift & 511) * 8) & 0xF_FFFF_FFFF_F000
    return table + (address >> 12 & 511) * 8


def test_what_is_shown_too_much_is_found(system: BuiltSystem) -> None:
    standby, comms = system.plan.sandbox("standby"), system.plan.sandbox("comms")
    assert standby.takeover is not None
    [kept] = [each for each in standby.takeover.view if each.name.startswith("kept ")]
    leaf = word(system, entry(system, standby.takeover.nested_tables, kept.physical))
    said = messages(
        system, entry(system, standby.takeover.nested_tables, kept.physical), comms.info | 7
    )
    assert any("'standby', after a takeover, may" in message for message in said)
    said = messages(system, entry(system, standby.nested_tables, standby.info), leaf)
    assert any(message.startswith("'standby' may read and write") for message in said)


@pytest.mark.parametrize("field", ["core", "bell", "nested_tables"])
def test_a_monitor_is_told_for_whom_it_stands_by(system: BuiltSystem, field: str) -> None:
    plan = system.plan.sandbox("standby").monitor_plan
    address = plan + offsetof(MonitorPlan, "takeover") + offsetof(TakeoverPlan, field)
    value = word(system, address // 8 * 8) ^ (1 << address % 8 * 8)
    said = messages(system, address // 8 * 8, value)
    assert any(f"is told takeover.{field} = " in message for message in said)


@pytest.mark.parametrize("name", ["comms", "standby", "peer"])
def test_a_monitor_is_told_to_whom_it_releases(system: BuiltSystem, name: str) -> None:
    plan = system.plan.sandbox(name).monitor_plan
    address = plan + offsetof(MonitorPlan, "recovery") + offsetof(RecoveryPlan, "standby")
    said = messages(system, address, word(system, address) ^ 4)
    assert any(f"the monitor of {name} is told standby = " in message for message in said)


def test_a_bell_of_no_release_is_found(system: BuiltSystem) -> None:
    plan = system.plan.sandbox("peer").monitor_plan
    address = plan + offsetof(MonitorPlan, "recovery") + offsetof(RecoveryPlan, "bell")
    at = address // 8 * 8
    said = messages(system, at, word(system, at) | 0x40 << address % 8 * 8)
    assert any("tells of its release with vector 0x40" in message for message in said)


def test_no_kernel_can_ring_the_bell_of_a_release(system: BuiltSystem) -> None:
    comms = system.plan.sandbox("comms")
    assert comms.fail_over is not None
    address = comms.monitor_plan + offsetof(MonitorPlan, "doorbells") + comms.fail_over.bell
    at = address // 8 * 8
    value = word(system, at) | (1 + comms.fail_over.core) << address % 8 * 8
    said = messages(system, at, value)
    assert any("both ring 'standby'" in message for message in said)
    assert memory(system).read(address, 1) == b"\0"
