"""One sandbox: how far it has come, and what its monitor and its kernel have counted."""

from __future__ import annotations

from dataclasses import dataclass

from questv.inspect.ends import ends_of
from questv.inspect.guest import Guest
from questv.inspect.model import (
    CrashReport,
    Exits,
    FaultReport,
    SandboxReport,
    TaskReport,
    VcpuReport,
)
from questv.inspect.streams import awaited_streams
from questv.inspect.words import words
from questv.kernel.status import KernelStatus, VcpuStatus
from questv.kernel.tasksets import TaskSet
from questv.metal.lang import ACQUIRE
from questv.monitor.interface import ExitCounts, ExitReason, PublicPage, SandboxState
from questv.plan.model import SandboxPlan, VcpuPlan


def sandbox_state(guest: Guest, sandbox: SandboxPlan) -> SandboxState | int:
    """The state that the monitor has published; a number if it is none that is known here."""
    return guest.at(PublicPage, sandbox.public).state.load(ACQUIRE)


def sandbox_report(
    guest: Guest,
    sandbox: SandboxPlan,
    crash: CrashReport | None,
    faults: tuple[FaultReport, ...],
) -> SandboxReport:
    """All of it; ``crash`` is why it was stopped, if it was, and ``faults`` why processes were."""
    public = guest.at(PublicPage, sandbox.public)
    kernel = _kernel_report(guest, sandbox, {fault.task for fault in faults})
    clock = guest.clock
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
        timer_interrupts=kernel.timer_interrupts,
        doorbells=kernel.doorbells,
        spurious_interrupts=kernel.spurious_interrupts,
        vcpus=kernel.vcpus,
        tasks=kernel.tasks,
        faults=faults,
        crash=crash,
    )


@dataclass(frozen=True)
class _Kernel:
    """What a kernel of ours counts; of another nothing is known."""

    timer_interrupts: int | None = None
    doorbells: int | None = None
    spurious_interrupts: int | None = None
    vcpus: tuple[VcpuReport, ...] = ()
    tasks: tuple[TaskReport, ...] = ()


def _kernel_report(guest: Guest, sandbox: SandboxPlan, failed: set[str]) -> _Kernel:
    if sandbox.status is None:
        return _Kernel()
    status = guest.of(sandbox, KernelStatus, sandbox.status)
    ends = ends_of(guest, sandbox)
    awaited = awaited_streams(guest, sandbox)
    awaited |= {end.plan.task: end.plan.channel for end in ends if end.asleep}
    return _Kernel(
        timer_interrupts=int(status.timer_interrupts),
        doorbells=sum(int(end.counters.woken) + int(end.counters.late) for end in ends),
        spurious_interrupts=int(status.spurious),
        vcpus=tuple(
            _vcpu(guest, plan, status.vcpus[index]) for index, plan in enumerate(sandbox.vcpus)
        ),
        tasks=tuple(
            _task(sandbox, index, status, awaited.get(index), plan.name in failed)
            for index, plan in enumerate(sandbox.tasks)
        ),
    )


def _exits(counts: ExitCounts) -> dict[str, int]:
    return {words(reason): int(counts.by_reason[reason]) for reason in ExitReason}


def _vcpu(guest: Guest, plan: VcpuPlan, counters: VcpuStatus) -> VcpuReport:
    return VcpuReport(
        name=plan.name,
        kind=plan.kind,
        level=plan.level,
        period=plan.period,
        budget=plan.budget,
        overrun_budget=plan.overrun_budget,
        utilization=plan.utilization,
        used=guest.clock.duration(int(counters.used)),
        depletions=int(counters.depletions),
        overruns=int(counters.overruns),
    )


def _task(
    sandbox: SandboxPlan, index: int, status: KernelStatus, awaited: str | None, failed: bool
) -> TaskReport:
    plan = sandbox.tasks[index]
    counters = status.tasks[index]
    state = "failed" if failed else _task_state(status, index, waits=awaited is not None)
    return TaskReport(
        name=plan.name,
        function=plan.function,
        vcpu=sandbox.vcpus[plan.vcpu].name,
        priority=plan.priority,
        state=state,
        waits_for=awaited if state == "waiting" else None,
        switches=int(counters.switches),
        used=0,
        releases=int(counters.releases),
        misses=int(counters.misses),
        dropped=int(counters.dropped),
        worst=int(counters.worst) or None,
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
