"""What admission is to decide on, by what the description says.

A periodic task with a VCPU of its own may need its budget for each call, less what is left for the
time by which its budget may come back late. What others need each time nobody knows: of all on one
VCPU it is assumed that they need no more than its budget in any of its periods.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from questv.admission.costs import MEASURED, Costs
from questv.admission.model import (
    Chain,
    Doorbell,
    Guest,
    Interrupt,
    Kernel,
    Section,
    System,
    Task,
    Vcpu,
    VcpuKind,
)
from questv.admission.response import lateness
from questv.system.bindings import CHANNEL_KINDS, Parameter, parameters
from questv.system.draft import Draft, Located
from questv.system.model import ApicMode, IoVcpu, Sandbox, suspicion_gap
from questv.system.movers import MIGRATION
from questv.system.timing import (
    BEST_EFFORT,
    WHOLE_CORE,
    Share,
    TimedTask,
    bandwidth,
    share_of_core,
    timed_guests,
    timed_tasks,
    vcpu_name,
)
from questv.system.units import LONGEST_DURATION

COSTS = MEASURED
"""What the kernel takes of a core's time."""

DEVICE_INTERVAL = 100_000
"""Nanoseconds between two interrupts of a device, at least; nothing enforces that."""


def workload(draft: Draft, costs: Costs = COSTS) -> System:
    """The kernels and chains of ``draft``, which keeps all rules but those on admission."""
    uses: defaultdict[tuple[str, str], list[Parameter]] = defaultdict(list)
    for parameter in parameters(draft):
        uses[parameter.sandbox.item.name, parameter.task.item.name].append(parameter)
    tasks: defaultdict[str, list[_Described]] = defaultdict(list)
    for each in timed_tasks(draft):
        sandbox = each.sandbox.item.name
        tasks[sandbox].append(_Described(each, tuple(uses[sandbox, each.name])))
    for host, guest in timed_guests(draft):
        own = uses[guest.sandbox.item.name, guest.described]
        tasks[host.item.name].append(_Described(guest, tuple(own)))
    return System(
        tuple(
            _kernel(draft, sandbox, tasks[sandbox.item.name], costs)
            for sandbox in draft.sandboxes
            if tasks[sandbox.item.name]
        ),
        tuple(
            Chain(each.item.name, each.item.tasks, each.item.latency, each.item.freshness)
            for each in draft.chains
        ),
    )


@dataclass(frozen=True)
class _Described:
    """A task and what its parameters stand for."""

    timed: TimedTask
    uses: tuple[Parameter, ...]

    @property
    def vcpu(self) -> str:
        """The name of its VCPU."""
        return vcpu_name(self.timed.task.item, self.timed.timing)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The mutexes that it may hold."""
        mutexes = (use.mutex.item for use in self.uses if use.mutex is not None)
        return tuple(Section(mutex.name, mutex.hold) for mutex in mutexes)


def _kernel(
    draft: Draft, sandbox: Located[Sandbox], described: list[_Described], costs: Costs
) -> Kernel:
    groups: defaultdict[str, list[_Described]] = defaultdict(list)
    for each in described:
        groups[each.vcpu].append(each)
    for group in groups.values():
        group.sort(key=lambda each: -(each.timed.task.item.priority or 0))
    mains = {
        name: _main(sandbox.item, group[0].timed)
        for name, group in groups.items()
        if name != BEST_EFFORT
    }
    ios = [_io(each, described, mains) for each in sandbox.item.vcpus if isinstance(each, IoVcpu)]
    rest = [Vcpu(BEST_EFFORT, VcpuKind.BEST_EFFORT)] if BEST_EFFORT in groups else []
    tasks = [_task(each, mains) for group in groups.values() for each in group]
    guests = _guests(sandbox.item, described)
    kernel = Kernel(
        sandbox.item.name,
        (*mains.values(), *ios, *rest),
        tuple(tasks),
        tuple(_interrupts(draft, sandbox.item, described, costs)),
        (*_doorbells(described, tasks), *_doorbells_of_moves(guests)),
        sandbox.item.apic is ApicMode.GUARDED,
        guests,
    )
    late = lateness(kernel, costs)
    return replace(kernel, tasks=tuple(_with_less(task, late) for task in tasks))


def _main(sandbox: Sandbox, task: TimedTask) -> Vcpu:
    own = bandwidth(sandbox, task.task.item, task.timing)
    second = None if own.second == own.budget else own.second
    return Vcpu(own.name, VcpuKind.MAIN, own.budget, own.period, second, own.level)


def _io(vcpu: IoVcpu, tasks: Iterable[_Described], mains: Mapping[str, Vcpu]) -> Vcpu:
    served = [
        task
        for task in tasks
        if any(use.device is not None and use.device.item.vcpu == vcpu.name for use in task.uses)
        and task.vcpu in mains
    ]
    return Vcpu(
        vcpu.name,
        VcpuKind.IO,
        level=max((mains[task.vcpu].level for task in served), default=0),
        utilization=Fraction(share_of_core(vcpu), WHOLE_CORE),
        serves=tuple(task.timed.name for task in served),
    )


def _task(task: _Described, mains: Mapping[str, Vcpu]) -> Task:
    timing, name = task.timed.timing, task.timed.name
    if timing.share is Share.REST:
        return Task(name, BEST_EFFORT, sections=task.sections)
    vcpu = mains[task.vcpu]
    is_known = timing.share is Share.OWN and timing.release is not None
    period = timing.release or vcpu.period
    deadline = timing.deadline or period
    return Task(
        name,
        vcpu.name,
        period,
        vcpu.budget if is_known else None,
        vcpu.overrun_budget if is_known else None,
        deadline if is_known else min(deadline, vcpu.period),
        is_woken=timing.release is None,
        sections=task.sections,
    )


def _with_less(task: Task, late: int) -> Task:
    """The task, if it is known what it needs, with what it may need; at least something."""
    if task.need is None:
        return task
    second = task.overrun_need
    return replace(
        task,
        need=max(1, task.need - late),
        overrun_need=None if second is None else max(1, second - late),
    )


def _interrupts(
    draft: Draft, sandbox: Sandbox, tasks: Iterable[_Described], costs: Costs
) -> Iterator[Interrupt]:
    devices = {use.device.item.name for task in tasks for use in task.uses if use.device}
    yield from (Interrupt(name, DEVICE_INTERVAL, costs.device) for name in sorted(devices))
    if sandbox.heartbeat is not None:
        # Who is silent is asked after once in the deadline, of several periods: as seldom as it
        # may be, it is counted each time.
        watched = len(sandbox.heartbeat.watches)
        cost = costs.timer + watched * (costs.look + costs.exit)
        cost += (sandbox.heartbeat.checks or 0) // 8 * costs.check
        yield Interrupt("heartbeat", sandbox.heartbeat.period, cost)
    for each in draft.system.sandboxes:
        if each.heartbeat is not None and sandbox.name in each.heartbeat.watches:
            gap = suspicion_gap(draft.system, each.heartbeat)
            yield Interrupt(f"suspicion of {each.name}", gap, costs.exit)


def _doorbells(described: Iterable[_Described], tasks: Iterable[Task]) -> Iterable[Doorbell]:
    """One for each end of a channel, as often as its task can go to sleep there.

    What gets what is left does so once in a busy window, however long that is.
    """
    periods = {task.name: task.period for task in tasks}
    longest = max(periods.values(), default=0) or 1
    for each in described:
        for use in each.uses:
            if use.channel is not None and use.kind in CHANNEL_KINDS:
                interval = periods[each.timed.name] or longest
                yield Doorbell(f"{use.channel.item.name} of {each.timed.name}", interval)
    if any(each.timed.task.item.stands_in_for is not None for each in described):
        yield Doorbell("takeover", LONGEST_DURATION)  # once, whenever that is


def _guests(sandbox: Sandbox, described: Iterable[_Described]) -> tuple[Guest, ...]:
    """The tasks that move from and to this sandbox: none leaves twice in a period."""
    if sandbox.migration is None:
        return ()
    period = sandbox.migration.period
    movers = (each.timed for each in described if each.timed.task.item.migrates_to)
    return tuple(Guest(each.name, MIGRATION, period) for each in movers)


def _doorbells_of_moves(guests: Iterable[Guest]) -> Iterable[Doorbell]:
    """One that offers the task to this kernel, and one that answers this kernel's own offer.

    Between two offers of one task to this kernel it has left.
    """
    for guest in guests:
        yield Doorbell(f"offer of {guest.task}", guest.interval)
        yield Doorbell(f"answer to the offer of {guest.task}", guest.interval)
