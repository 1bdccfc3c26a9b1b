"""One sandbox: how far it has come, and what its monitor and its kernel have counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from questv.inspect.ends import ends_of
from questv.inspect.guest import Guest
from questv.inspect.meters import counter_reports, histogram_reports
from questv.inspect.model import (
    CrashReport,
    Exits,
    FaultReport,
    MutexReport,
    SandboxReport,
    TaskReport,
    VcpuReport,
)
from questv.inspect.streams import awaited_streams
from questv.inspect.words import words
from questv.kernel.mutexes import Mutex
from questv.kernel.status import KernelStatus, TaskStatus, VcpuStatus
from questv.kernel.tasksets import TaskSet
from questv.metal.lang import ACQUIRE
from questv.monitor.interface import ExitCounts, ExitReason, PublicPage, SandboxState
from questv.monitor.plan import MonitorPlan
from questv.plan.model import MutexPlan, SandboxPlan, TaskPlan


def sandbox_state(guest: Guest, sandbox: SandboxPlan) -> SandboxState | int:
    """The state that the monitor has published; a number if it is none that is known here."""
    return guest.at(PublicPage, sandbox.public).state.load(ACQUIRE)


def sandbox_report(
    guest: Guest,
    sandbox: SandboxPlan,
    crashes: tuple[CrashReport, ...],
    faults: tuple[FaultReport, ...],
) -> SandboxReport:
    """All of it; ``crashes`` are its last faults, and ``faults`` those of its processes."""
    public = guest.at(PublicPage, sandbox.public)
    clock = guest.clock
    monitor = guest.at(MonitorPlan, sandbox.monitor_plan)
    entered = int(public.entered) != 0
    return SandboxReport(
        name=sandbox.name,
        core=sandbox.core,
        kernel=sandbox.foreign.file if sandbox.foreign else None,
        interrupts=sandbox.apic,
        state=words(public.state.load(ACQUIRE)),
        entered=clock.nanoseconds(int(public.entered)),
        started=clock.nanoseconds(int(public.started)),
        ended=clock.nanoseconds(int(public.ended)),
        exits=Exits(before=_exits(public.before), after=_exits(public.after)),
        clock_offset=clock.stretch(int(monitor.tsc_offset)) if entered else None,
        clock_error=clock.stretch(int(monitor.tsc_error)) if entered else None,
        counters=counter_reports(guest, sandbox),
        histograms=histogram_reports(guest, sandbox),
        faults=faults,
        crash=crashes[-1] if crashes and not crashes[-1].is_repaired else None,
        incarnation=int(public.incarnation),
        crashes=crashes,
        **_of_kernel(guest, sandbox, {fault.task for fault in faults}),
    )


def _of_kernel(guest: Guest, sandbox: SandboxPlan, failed: set[str]) -> dict[str, Any]:
    """The fields of a report that a kernel of ours counts; of another nothing is known."""
    if sandbox.status is None:
        return {}
    status = guest.of(sandbox, KernelStatus, sandbox.status)
    ends = ends_of(guest, sandbox)
    awaited = awaited_streams(guest, sandbox)
    awaited |= {end.plan.task: end.plan.channel for end in ends if end.asleep}
    account = _account(guest, sandbox, status)
    ended = int(guest.at(PublicPage, sandbox.public).ended)
    now = guest.clock.nanoseconds(max(ended, int(status.charged))) or 0
    return {
        "timer_interrupts": int(status.timer_interrupts),
        "doorbells": sum(int(end.counters.woken) + int(end.counters.late) for end in ends),
        "spurious_interrupts": int(status.spurious),
        "unsent_lines": int(status.unsent_lines),
        "idle": account.idle,
        "mode": int(status.mode),
        "mode_changes": int(status.mode_changes),
        "vcpus": tuple(
            _vcpu(sandbox, index, status.vcpus[index], account)
            for index in range(len(sandbox.vcpus))
        ),
        "tasks": tuple(
            _task(
                guest, sandbox, index, status, awaited.get(index), account.used[index], failed, now
            )
            for index in range(len(sandbox.tasks))
        ),
        "mutexes": tuple(_mutex(guest, sandbox, plan) for plan in sandbox.mutexes),
    }


def _exits(counts: ExitCounts) -> dict[str, int]:
    return {words(reason): int(counts.by_reason[reason]) for reason in ExitReason}


@dataclass(frozen=True)
class _Account:
    """For how long each task had the core, and nobody; None where no account is kept."""

    used: tuple[int | None, ...]
    idle: int | None


def _account(guest: Guest, sandbox: SandboxPlan, status: KernelStatus) -> _Account:
    kinds = [vcpu.kind for vcpu in sandbox.vcpus]
    if kinds == ["best effort"] and not sandbox.mutexes:
        return _Account((None,) * len(sandbox.tasks), None)
    ticks = [int(status.tasks[index].used) for index in range(len(sandbox.tasks))]
    idle = int(status.charged) - int(status.started) - sum(ticks)
    duration = guest.clock.duration
    return _Account(tuple(map(duration, ticks)), duration(max(idle, 0)))


def _vcpu(sandbox: SandboxPlan, index: int, counters: VcpuStatus, account: _Account) -> VcpuReport:
    plan = sandbox.vcpus[index]
    shares = [
        used for task, used in zip(sandbox.tasks, account.used, strict=True) if task.vcpu == index
    ]
    known = [used for used in shares if used is not None]
    return VcpuReport(
        name=plan.name,
        kind=plan.kind,
        level=plan.level,
        period=plan.period,
        budget=plan.budget,
        overrun_budget=plan.overrun_budget,
        utilization=plan.utilization,
        used=sum(known) if len(known) == len(shares) else None,
        depletions=int(counters.depletions),
        overruns=int(counters.overruns),
    )


def _task(
    guest: Guest,
    sandbox: SandboxPlan,
    index: int,
    status: KernelStatus,
    awaited: str | None,
    used: int | None,
    failed: set[str],
    now: int,
) -> TaskReport:
    plan = sandbox.tasks[index]
    counters = status.tasks[index]
    state = (
        "failed" if plan.name in failed else _task_state(status, index, waits=awaited is not None)
    )
    return TaskReport(
        name=plan.name,
        function=plan.function,
        kind=plan.kind,
        vcpu=sandbox.vcpus[plan.vcpu].name,
        priority=plan.priority,
        period=plan.period,
        state=state,
        waits_for=awaited if state == "waiting" else None,
        switches=int(counters.switches),
        used=used,
        deadline=plan.deadline or None,
        releases=int(counters.releases),
        misses=int(counters.misses) + (0 if state == "finished" else _overdue(plan, counters, now)),
        dropped=int(counters.dropped),
        worst=int(counters.worst) or None,
        responses=tuple(map(int, counters.responses)) if plan.deadline else (),
        restored=tuple(_restored(guest, sandbox, plan)),
    )


def _restored(guest: Guest, sandbox: SandboxPlan, task: TaskPlan) -> Iterator[str]:
    process = None if task.process is None else sandbox.processes[task.process]
    flags = sandbox.restored if process is None else process.restored
    for state in task.states:
        if state.kept is None or flags is None:
            continue
        if any(guest.read(sandbox.physical(flags + state.kept.index), 1)):
            yield state.name


def _overdue(plan: TaskPlan, counters: TaskStatus, now: int) -> int:
    """How many deadlines have passed of calls that have not ended, or not begun."""
    due = int(counters.due)
    return 1 + (now - due) // plan.period if 0 < due < now else 0


def _mutex(guest: Guest, sandbox: SandboxPlan, plan: MutexPlan) -> MutexReport:
    counters = guest.of(sandbox, Mutex, plan.object).counters
    return MutexReport(
        name=plan.name,
        hold=plan.hold,
        times=int(counters.times),
        longest=guest.clock.duration(int(counters.longest)),
        overruns=int(counters.overruns),
    )


def _task_state(status: KernelStatus, index: int, *, waits: bool) -> str:
    if not int(status.started):
        return "not begun"
    if _holds(status.finished, index):
        return "finished"
    if _holds(status.ready, index):
        return "running" if int(status.running) == index else "ready"
    return "waiting" if waits else "sleeping"


def _holds(tasks: TaskSet, index: int) -> bool:
    return bool(int(tasks.words[index // 64]) >> index % 64 & 1)
