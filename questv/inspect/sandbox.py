"""One sandbox: how far it has come, and what its monitor and its kernel have counted."""

from __future__ import annotations

from questv.inspect.guest import Guest
from questv.inspect.model import CrashReport, Exits, SandboxReport, TaskReport
from questv.inspect.words import words
from questv.kernel.status import KernelStatus, TaskState, TaskStatus
from questv.metal.lang import ACQUIRE
from questv.monitor.interface import ExitCounts, ExitReason, PublicPage, SandboxState
from questv.plan.model import SandboxPlan, TaskPlan


def sandbox_state(guest: Guest, sandbox: SandboxPlan) -> SandboxState | int:
    """The state that the monitor has published; a number if it is none that is known here."""
    return guest.at(PublicPage, sandbox.public).state.load(ACQUIRE)


def sandbox_report(guest: Guest, sandbox: SandboxPlan, crash: CrashReport | None) -> SandboxReport:
    """All of it; ``crash`` is why it was stopped, if it was."""
    public = guest.at(PublicPage, sandbox.public)
    status = guest.of(sandbox, KernelStatus, sandbox.status)
    clock = guest.clock
    return SandboxReport(
        name=sandbox.name,
        core=sandbox.core,
        interrupts=sandbox.apic,
        state=words(public.state.load(ACQUIRE)),
        entered=clock.nanoseconds(int(public.entered)),
        started=clock.nanoseconds(int(public.started)),
        ended=clock.nanoseconds(int(public.ended)),
        exits=Exits(before=_exits(public.before), after=_exits(public.after)),
        timer_interrupts=int(status.timer_interrupts),
        doorbells=int(status.doorbells),
        spurious_interrupts=int(status.spurious),
        idle_entries=int(status.idle_entries),
        tasks=tuple(
            _task(sandbox, task, status.tasks[index]) for index, task in enumerate(sandbox.tasks)
        ),
        crash=crash,
    )


def _exits(counts: ExitCounts) -> dict[str, int]:
    return {words(reason): int(counts.by_reason[reason]) for reason in ExitReason}


def _task(sandbox: SandboxPlan, task: TaskPlan, status: TaskStatus) -> TaskReport:
    end = int(status.end)
    waits = status.state == TaskState.WAITING and end < len(sandbox.ends)
    return TaskReport(
        name=task.name,
        function=task.function,
        priority=task.priority,
        state=words(status.state),
        waits_for=sandbox.ends[end].channel if waits else None,
        switches=int(status.switches),
        wakeups=int(status.wakeups),
    )
