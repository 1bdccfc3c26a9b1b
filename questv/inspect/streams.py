"""The devices that tasks drive as streams, as their kernels count."""

from __future__ import annotations

from questv.inspect.guest import Guest
from questv.inspect.model import StreamReport
from questv.kernel.streams import Stream
from questv.plan.model import SandboxPlan, StreamPlan


def stream_reports(guest: Guest) -> tuple[StreamReport, ...]:
    """Every stream of every sandbox."""
    return tuple(
        _report(guest, sandbox, stream)
        for sandbox in guest.plan.sandboxes
        for stream in sandbox.streams
    )


def awaited_streams(guest: Guest, sandbox: SandboxPlan) -> dict[int, str]:
    """The tasks of a sandbox that wait for a stream, by index, and its name."""
    return {
        plan.task: plan.name
        for plan in sandbox.streams
        if guest.of(sandbox, Stream, plan.object).waiting
    }


def _report(guest: Guest, sandbox: SandboxPlan, plan: StreamPlan) -> StreamReport:
    counters = guest.of(sandbox, Stream, plan.object).counters
    return StreamReport(
        name=plan.name,
        sandbox=sandbox.name,
        task=sandbox.tasks[plan.task].name,
        received=int(counters.received),
        sent=int(counters.sent),
        overruns=int(counters.overruns),
        interrupts=int(counters.interrupts),
    )
