"""What only a running machine has: how far it is, and what its monitors have worked out."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from questv.audit.declared import Declared
from questv.audit.model import TableEntry, Violation
from questv.audit.sources import Memory
from questv.metal.structs import sizeof
from questv.monitor.interface import PublicPage, SandboxState
from questv.monitor.plan import MonitorPlan
from questv.plan.model import Plan, SandboxPlan

_COMMANDS = struct.Struct("<256Q")
_TABLE = "questv.monitor.apic.allowed"


def entered(memory: Memory, sandbox: SandboxPlan) -> bool:
    """Whether a sandbox's monitor has come to the point where it enters its kernel."""
    page = PublicPage.view(memory.read(sandbox.public, sizeof(PublicPage)))
    state = page.state.load(None)  # type: ignore[arg-type]
    return int(state) != SandboxState.EMPTY


def views(memory: Memory, plan: Plan, sandbox: SandboxPlan) -> tuple[int, ...]:
    """The nested tables that may be in force for a sandbox.

    Those for after a takeover only once the other sandbox's monitor has released what it has left.
    """
    takeover = sandbox.takeover
    if takeover is None:
        return (sandbox.nested_tables,)
    public = plan.sandbox(takeover.of).public
    page = PublicPage.view(memory.read(public, sizeof(PublicPage)))
    state = page.state.load(None)  # type: ignore[arg-type]
    is_released = int(state) == SandboxState.RELEASED
    return (sandbox.nested_tables, *((takeover.nested_tables,) if is_released else ()))


def check_commands(
    declared: Declared, memory: Memory, name: str, told: MonitorPlan
) -> Iterator[Violation]:
    """The interrupt commands that a monitor lets pass, by vector: the doorbells of its plan.

    A doorbell is fixed delivery to one core by its APIC's number (APM vol. 2, 16.5 and 16.11): its
    low half is the vector, its high half the number.
    """
    table = declared.monitor_program.address(_TABLE)
    plan = declared.plan.sandbox(name)
    window = next(
        each for each in plan.monitor_windows if each.address <= table < each.address + each.size
    )
    at = window.physical + table - window.address
    for vector, command in enumerate(_COMMANDS.unpack(memory.read(at, _COMMANDS.size))):
        core = int(told.doorbells[vector]) - 1
        known = 0 <= core < len(told.machine.apic_ids)
        wanted = int(told.machine.apic_ids[core]) << 32 | vector if known else 0
        if command != wanted:
            yield Violation(
                name,
                f"the monitor of '{name}' lets the interrupt command {command:#x} pass",
                f"{wanted:#x}" if wanted else f"none with vector {vector:#x}",
                at,
                "ring",
                TableEntry(at, vector, command),
            )


def check_numbers(told: Mapping[str, MonitorPlan]) -> Iterator[Violation]:
    """The numbers of the cores' APICs, to which doorbells go: all monitors are told the same."""
    numbers = {name: [int(each) for each in plan.machine.apic_ids] for name, plan in told.items()}
    first = next(iter(numbers), "")
    for name, found in numbers.items():
        for core, (one, other) in enumerate(zip(numbers[first], found, strict=True)):
            if one != other:
                yield Violation(
                    name,
                    f"the monitor of '{name}' is told that core {core} has APIC {other}, "
                    f"that of '{first}' that it has APIC {one}",
                    "one number for each core",
                    right="ring",
                )
