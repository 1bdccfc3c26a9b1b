"""VCPUs: what gives tasks their time, and takes account of it.

Time is charged whenever the core changes hands, and what runs is policed by the timer: a VCPU whose
budget is used up has none of its tasks run until it is replenished. A main VCPU is a sporadic
server, an I/O VCPU one with priority inheritance (``servers``). There is at most one best-effort
VCPU: it has what is left, and no account but for the tools.

Criticality: when a VCPU with a second budget has used up its first one, the kernel's mode becomes
its level, until no task of that level or above is ready any more. Meanwhile those of lower levels
may not run, and those that may have their second budgets.

Interrupts are off in all of it. Moments and durations are in ticks of the time-stamp counter.
"""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel import clock, events, io_servers, scheduler, servers, tasksets
from questv.kernel.info import MAX_TASKS, MAX_VCPUS, VcpuInfo, VcpuKind, info
from questv.kernel.io_servers import IoServer
from questv.kernel.panic import panic
from questv.kernel.scheduler import NOBODY
from questv.kernel.servers import SporadicServer
from questv.kernel.status import TaskStatus, status
from questv.kernel.tasksets import TaskSet
from questv.metal.lang import Array, Ptr, metal, ptr, static, u64
from questv.metal.structs import Struct

_FRACTION_BITS = 32  # of an I/O VCPU's utilization


class Vcpu(Struct):
    """One VCPU."""

    kind: VcpuKind
    backlogged: bool  # one of its tasks is ready; not kept of best effort
    funded: bool  # its tasks may run as far as its budget goes
    enlarged: bool  # it has its second budget
    index: u64
    level: u64
    budget: u64
    extra: u64  # what its second budget has more
    extra_is_back: u64  # when that can be used again
    tasks: TaskSet
    main: SporadicServer
    io: IoServer


class Member(Struct):
    """A task as its VCPU knows it."""

    itself: TaskSet  # that has it and no other
    vcpu: Ptr[Vcpu]
    has_server: bool  # its VCPU has an account to keep
    counters: Ptr[TaskStatus]


vcpus: Array[Vcpu, MAX_VCPUS] = static(export="kernel_vcpus")
_kernel: Vcpu = static()  # stands for what no task does
members: Array[Member, MAX_TASKS + 1] = static()  # by the tasks' indices
current: Ptr[Member] = static()  # the task that has the core
is_plain: bool = static()  # there is only best effort, and no mutex: no account is kept
_of_raised_levels: TaskSet = static()  # tasks that go on in the kernel's mode


@metal
def start() -> None:
    """Set every VCPU of the plan up, with its whole budget."""
    global is_plain
    status.charged = read_tsc()
    servers_or_mutexes = info.vcpu_count + info.mutex_count - 1
    is_plain = servers_or_mutexes == 0 and info.vcpus[0].kind == VcpuKind.BEST_EFFORT
    members[NOBODY].vcpu = ptr(_kernel)
    members[NOBODY].counters = ptr(status.tasks[NOBODY])
    for i in range(info.vcpu_count):
        _set_up(vcpus[i], u64(i), info.vcpus[i])
    for i in range(info.task_count):
        member = members[i]
        member.vcpu = ptr(vcpus[info.tasks[i].vcpu])
        member.counters = ptr(status.tasks[i])
        member.has_server = member.vcpu[0].kind != VcpuKind.BEST_EFFORT
        tasksets.add(member.itself, u64(i))
        tasksets.add_all(member.vcpu[0].tasks, member.itself)
        tasksets.add_all(scheduler.funded, member.itself)
    scheduler.reconsider()


@metal
def _set_up(vcpu: Vcpu, index: u64, told: VcpuInfo) -> None:
    vcpu.kind = told.kind
    vcpu.funded = True
    vcpu.index = index
    vcpu.level = u64(told.level)
    vcpu.budget = clock.duration_to_tsc(told.budget)
    vcpu.extra = clock.duration_to_tsc(told.overrun_budget) - vcpu.budget
    match told.kind:
        case VcpuKind.MAIN:
            period = clock.duration_to_tsc(told.period)
            servers.start(vcpu.main, vcpu.budget, period, status.charged)
        case VcpuKind.IO:
            io_servers.start(vcpu.io, told.utilization, status.charged)
        case _:
            pass


@metal(inline=True)
def set_current(task: u64) -> None:
    """``task`` has the core from now on."""
    global current
    status.running = task
    current = ptr(members[task])


# ---- charging and policing --------------------------------------------------------------------


@metal(inline=True)
def charge(now: u64) -> None:
    """Charge the task that has the core with the time since the last charge."""
    ran = now - status.charged
    status.charged = now
    current[0].counters[0].used += ran
    if current[0].has_server:
        _charge_server(current[0].vcpu[0], ran)


@metal
def _charge_server(vcpu: Vcpu, ran: u64) -> None:
    if vcpu.kind == VcpuKind.MAIN:
        servers.charge(vcpu.main, ran)
    else:
        io_servers.charge(vcpu.io, ran)


@metal(inline=True)
def time_of_current() -> u64:
    """For how long the task that has the core has had it so far, in all."""
    return current[0].counters[0].used + read_tsc() - status.charged


@metal(inline=True)
def charge_nobody(now: u64) -> None:
    """Nobody had the core since the last charge."""
    status.charged = now


@metal(inline=True)
def police(now: u64) -> None:
    """If the task that has the core has used up its VCPU's budget, it may not go on."""
    vcpu = current[0].vcpu[0]
    if current[0].has_server and _available(vcpu, now) == 0:
        _police(vcpu, now)


@metal
def _police(vcpu: Vcpu, now: u64) -> None:
    if vcpu.funded:
        _deplete(vcpu, now)
    if not vcpu.funded and status.running == scheduler.holder and _of_grace(current[0]) == 0:
        panic("a task without budget holds a mutex longer than it may")


@metal
def _deplete(vcpu: Vcpu, now: u64) -> None:
    _use_second_budget(vcpu, now)
    if _available(vcpu, now) != 0:
        return
    if vcpu.kind == VcpuKind.IO:
        io_servers.end(vcpu.io)
        io_servers.begin(vcpu.io, vcpu.io.cmax, now)
    status.vcpus[vcpu.index].depletions += 1
    next = _next_time(vcpu)
    if now < vcpu.extra_is_back and not vcpu.enlarged:
        next = min(next, vcpu.extra_is_back)
    _unfund(vcpu, next, now)


@metal(inline=True)
def end_of_budget(task: Member, now: u64) -> u64:
    """Until when ``task`` may go on if it runs from now on."""
    if not task.has_server:
        return events.NEVER
    vcpu = task.vcpu[0]
    return now + (_available(vcpu, now) if vcpu.funded else _of_grace(task))


@metal
def _of_grace(holder: Member) -> u64:
    """How much longer who holds a mutex may go on without budget."""
    return scheduler.limit - min(scheduler.limit, holder.counters[0].used)


@metal(inline=True)
def _available(vcpu: Vcpu, now: u64) -> u64:
    """What it can use from now on; to ask lets a sporadic server that is late begin anew."""
    if vcpu.kind == VcpuKind.MAIN:
        return servers.available(vcpu.main, now)
    return io_servers.available(vcpu.io, now)


# ---- tasks that wait and wake -----------------------------------------------------------------


@metal(inline=True)
def task_has_blocked(now: u64) -> None:
    """The task that has the core, charged until now, is ready no more."""
    vcpu = current[0].vcpu[0]
    if current[0].has_server and not tasksets.meet(vcpu.tasks, status.ready):
        _block(vcpu)
    if status.mode != 0 and not tasksets.meet(_of_raised_levels, status.ready):
        _lower_mode(now)


@metal
def _block(vcpu: Vcpu) -> None:
    vcpu.backlogged = False
    if vcpu.kind == VcpuKind.IO:
        io_servers.end(vcpu.io)


@metal(inline=True)
def task_has_woken(task: Member, now: u64) -> None:
    """``task``, which has a server, is ready now."""
    vcpu = task.vcpu[0]
    if not vcpu.backlogged:
        vcpu.backlogged = True
        usual = vcpu.kind == VcpuKind.MAIN and vcpu.funded
        if not (usual and servers.unblock_whole(vcpu.main, now)):
            _unblock(vcpu, task, now)


@metal
def _unblock(vcpu: Vcpu, task: Member, now: u64) -> None:
    if vcpu.kind == VcpuKind.MAIN:
        servers.unblock(vcpu.main, now)
    else:
        io_servers.begin(vcpu.io, _io_budget(vcpu, task), now)
    _settle(vcpu, now)


@metal
def _io_budget(vcpu: Vcpu, task: Member) -> u64:
    """Cmax: the I/O VCPU's share of the period of whom the bottom half ``task`` works for."""
    index = tasksets.first_of_both(task.itself, task.itself)
    period = clock.duration_to_tsc(info.tasks[index].period)
    return period * info.vcpus[vcpu.index].utilization >> _FRACTION_BITS


@metal
def replenish(index: u64, now: u64) -> None:
    """The moment has come for which a VCPU without budget has been waiting."""
    vcpu = vcpus[index]
    if vcpu.backlogged and _available(vcpu, now) == 0:
        _use_second_budget(vcpu, now)  # it was out when that could not be used again yet
    _settle(vcpu, now)


@metal
def _settle(vcpu: Vcpu, now: u64) -> None:
    """Let its tasks run if it has budget, and wait for its budget if it has none."""
    if _available(vcpu, now) != 0:
        _fund(vcpu)
    else:
        _unfund(vcpu, _next_time(vcpu), now)


@metal
def _fund(vcpu: Vcpu) -> None:
    """Its tasks may run."""
    if not vcpu.funded:
        vcpu.funded = True
        tasksets.add_all(scheduler.funded, vcpu.tasks)
        events.remove(events.REPLENISHMENT, vcpu.index)
        scheduler.reconsider()


@metal
def _next_time(vcpu: Vcpu) -> u64:
    """When one without budget is replenished."""
    if vcpu.kind == VcpuKind.MAIN:
        return servers.next_time(vcpu.main)
    return io_servers.next_time(vcpu.io)


@metal
def _unfund(vcpu: Vcpu, next: u64, now: u64) -> None:
    """Its tasks may not run until ``next``, when it can have budget again."""
    events.add(events.REPLENISHMENT, vcpu.index, next, now)
    vcpu.funded = False
    tasksets.remove_all(scheduler.funded, vcpu.tasks)
    scheduler.reconsider()


# ---- criticality ------------------------------------------------------------------------------


@metal(inline=True)
def _has_second_budget(vcpu: Vcpu, now: u64) -> bool:
    """Whether there is a second budget for it, which it has not had in this period."""
    return vcpu.extra != 0 and not vcpu.enlarged and now >= vcpu.extra_is_back


@metal
def _use_second_budget(vcpu: Vcpu, now: u64) -> None:
    """Let one that has used up its first budget have its second one, if there is any for it."""
    if _has_second_budget(vcpu, now) and vcpu.level >= status.mode:
        status.vcpus[vcpu.index].overruns += 1
        if status.mode == 0:
            _raise_mode(vcpu.level, now)
        else:
            _enlarge(vcpu, now)


@metal
def _enlarge(vcpu: Vcpu, now: u64) -> None:
    """Let it have its second budget."""
    vcpu.enlarged = True
    servers.enlarge(vcpu.main, vcpu.extra, now)
    if vcpu.backlogged:
        _fund(vcpu)


@metal
def _raise_mode(level: u64, now: u64) -> None:
    """Tasks of lower levels yield from now on; the others' VCPUs have their second budgets."""
    status.mode = level
    status.mode_changes += 1
    tasksets.clear_all(_of_raised_levels)
    for i in range(info.vcpu_count):
        vcpu = vcpus[i]
        if vcpu.level >= level:
            tasksets.add_all(_of_raised_levels, vcpu.tasks)
            if _has_second_budget(vcpu, now):
                _enlarge(vcpu, now)
        else:
            tasksets.add_all(scheduler.suspended, vcpu.tasks)
    scheduler.reconsider()


@metal
def begin_afresh(task: u64, now: u64) -> None:
    """Let the main VCPU of ``task`` have its whole budget now, whatever has been used of it."""
    vcpu = members[task].vcpu[0]
    if vcpu.kind == VcpuKind.MAIN:
        budget = vcpu.budget + vcpu.extra if vcpu.enlarged else vcpu.budget
        servers.restart(vcpu.main, budget, now)
        _fund(vcpu)


@metal
def _lower_mode(now: u64) -> None:
    """All tasks may run again.

    VCPUs that had their second budgets give back what these had more, which is the part that would
    come last; so all of the first is there when their tasks come next. Those that had to yield go
    on as if they were woken now: what they missed they do not make up for, or they would have
    several budgets at once.
    """
    raised = status.mode
    status.mode = 0
    status.mode_changes += 1
    tasksets.clear_all(scheduler.suspended)
    for i in range(info.vcpu_count):
        vcpu = vcpus[i]
        if vcpu.enlarged:
            vcpu.enlarged = False
            vcpu.extra_is_back = servers.shrink(vcpu.main, vcpu.extra)
        elif vcpu.kind == VcpuKind.MAIN and vcpu.level < raised and vcpu.backlogged:
            servers.unblock(vcpu.main, now)
            _settle(vcpu, now)
    scheduler.reconsider()
