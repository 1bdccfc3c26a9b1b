"""All that is looked at when a machine with a fault has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from questv.faults.outputs import Output, outputs, violations
from questv.faults.walls import Stretch, Walls
from questv.inspect.crash import kept_records
from questv.inspect.guest import Guest
from questv.kernel.processes import FaultKind, Process
from questv.kernel.status import KernelStatus
from questv.machine import Exit, ExitKind, GuestMemory
from questv.metal.lang import ACQUIRE
from questv.monitor.end import EXIT_RUN_ENDED
from questv.monitor.interface import CrashReason, CrashRecord, ExitReason, PublicPage, SandboxState
from questv.plan.model import Plan, SandboxPlan

_USUAL = (ExitReason.DOORBELL, ExitReason.APIC, ExitReason.HYPERCALL, ExitReason.NMI)
"""Exits that depend on what others do, or that come with the end of the run."""


@dataclass(frozen=True)
class Sandbox:
    """What one has come to. ``crash`` and ``time`` are of the first fault that its monitor knows.

    ``restarts`` is how often its kernel was restarted.

    ``ended`` are its processes that its kernel ended for something that they did, and when that
    was; ``exits`` counts those that have nothing to do with others.
    """

    state: SandboxState | int
    crash: CrashReason | int
    time: int
    restarts: int
    ended: Mapping[str, int]
    exits: Mapping[str, int]
    spurious: int
    output: Output


@dataclass(frozen=True)
class Observation:
    """A machine that has ended, or was ended at its horizon: then ``late`` is true.

    If it was ``stuck``, it did not come to its horizon, as its clock stood still. ``end`` is None
    if it ended as planned or in one of these ways, else how it ended. ``violations`` are those that
    the receiver's side of a channel, or the sender's, has seen.
    """

    late: bool
    stuck: bool
    end: str | None
    sandboxes: Mapping[str, Sandbox]
    violations: Mapping[tuple[str, str], int]
    walls: Walls


def observe(
    plan: Plan,
    memory: GuestMemory,
    stretches: list[Stretch],
    end: Exit,
    *,
    late: bool,
    stuck: bool,
) -> Observation:
    """Look at a machine's memory after its end."""
    guest = Guest(plan, memory)
    as_planned = end.kind is ExitKind.GUEST and end.value == EXIT_RUN_ENDED
    put_out = outputs(guest)
    return Observation(
        late=late,
        stuck=stuck,
        end=None if late or stuck or as_planned else end.detail,
        sandboxes={each.name: _sandbox(guest, each, put_out[each.name]) for each in plan.sandboxes},
        violations=violations(guest),
        walls=Walls(memory, plan, stretches),
    )


def _sandbox(guest: Guest, sandbox: SandboxPlan, output: Output) -> Sandbox:
    public = guest.at(PublicPage, sandbox.public)
    records = [record for _, record in kept_records(public)]
    first = records[0] if records else CrashRecord()
    status = None
    if sandbox.status is not None:
        status = guest.of(sandbox, KernelStatus, sandbox.status)
    faults = {
        sandbox.tasks[process.task].name: guest.of(sandbox, Process, process.object).fault
        for process in sandbox.processes
    }
    return Sandbox(
        state=public.state.load(ACQUIRE),
        crash=first.reason,
        time=int(first.time),
        restarts=int(public.incarnation),
        ended={
            name: int(fault.time) for name, fault in faults.items() if fault.kind != FaultKind.NONE
        },
        exits={
            reason.name: int(public.before.by_reason[reason]) + int(public.after.by_reason[reason])
            for reason in ExitReason
            if reason not in _USUAL
        },
        spurious=int(status.spurious) if status else 0,
        output=output,
    )
