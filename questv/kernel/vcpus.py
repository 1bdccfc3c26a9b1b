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
from questv.kernel import clock, events, queue, scheduler, servers, tasksets
from questv.kernel.info import MAX_TASKS, MAX_VCPUS, VcpuInfo, VcpuKind, info
from questv.kernel.panic import panic
from questv.kernel.scheduler import NOBODY
from questv.kernel.servers import IoServer, SporadicServer
from questv.kernel.status import status
from questv.kernel.tasksets import TaskSet
from questv.metal.lang import Array, Ptr, metal, ptr, static, u64
from questv.metal.structs import Struct

_FRACTION_BITS = 32  # of an I/O VCPU's utilization


class Vcpu(Struct):
    """One VCPU."""

    kind: VcpuKind
    backlogged: bool  # one of its tasks is ready; of best effort always
    funded: bool  # its tasks may run as far as its budget goes
    enlarged: bool  # it has its second budget
    index: u64
    level: u64
    budget: u64
    extra: u64  # what its second budget has more
    tasks: TaskSet
    main: SporadicServer
    io: IoServer


vcpus: Array[Vcpu, MAX_VCPUS] = static(export="kernel_vcpus")
_kernel: Vcpu = static()  # stands for what no task does
_of_task: Array[Ptr[Vcpu], MAX_TASKS + 1] = static()
_since: u64 = static()  # when what runs now was charged last
_of_raised_levels: TaskSet = static()  # tasks that go on in the kernel's mode


@metal
def start() -> None:
    """Set every VCPU of the plan up, with its whole budget."""
    global _since
    _since = read_tsc()
    _kernel.backlogged = True
    _of_task[NOBODY] = ptr(_kernel)
    for i in range(info.vcpu_count):
        _set_up(vcpus[i], u64(i), info.vcpus[i])
    for i in range(info.task_count):
        vcpu = ptr(vcpus[info.tasks[i].vcpu])
        _of_task[i] = vcpu
        tasksets.add(vcpu[0].tasks, u64(i))
        tasksets.add(scheduler.funded, u64(i))
    scheduler.reconsider()


@metal
def _set_up(vcpu: Vcpu, index: u64, told: VcpuInfo) -> None:
    vcpu.kind = told.kind
    vcpu.backlogged = told.kind == VcpuKind.BEST_EFFORT
    vcpu.funded = True
    vcpu.index = index
    vcpu.level = u64(told.level)
    vcpu.budget = clock.duration_to_tsc(told.budget)
    vcpu.extra = clock.duration_to_tsc(told.overrun_budget) - vcpu.budget
    match told.kind:
        case VcpuKind.MAIN:
            servers.start(vcpu.main, vcpu.budget, clock.duration_to_tsc(told.period), _since)
        case VcpuKind.IO:
            servers.start_io(vcpu.io, told.utilization, _since)
        case _:
            pass


# ---- charging and policing --------------------------------------------------------------------


@metal(inline=True)
def charge(now: u64) -> None:
    """Charge the task that has the core with the time since the last charge."""
    global _since
    ran = now - _since
    _since = now
    status.tasks[status.running].used += ran
    vcpu = _of_task[status.running][0]
    if vcpu.kind != VcpuKind.BEST_EFFORT:
        _charge_server(vcpu, ran)


@metal
def _charge_server(vcpu: Vcpu, ran: u64) -> None:
    status.vcpus[vcpu.index].used += ran
    if vcpu.kind == VcpuKind.MAIN:
        servers.charge(vcpu.main, ran)
    else:
        servers.charge_io(vcpu.io, ran)


@metal(inline=True)
def time_of_current() -> u64:
    """For how long the task that has the core has had it so far, in all."""
    return status.tasks[status.running].used + read_tsc() - _since


@metal(inline=True)
def charge_idle(now: u64) -> None:
    """Nobody had the core since the last charge."""
    global _since
    status.idle += now - _since
    _since = now


@metal(inline=True)
def police(now: u64) -> None:
    """If the task that has the core has used up its VCPU's budget, it may not go on."""
    vcpu = _of_task[status.running][0]
    if vcpu.kind != VcpuKind.BEST_EFFORT and _available(vcpu, now) == 0:
        _police(vcpu, now)


@metal
def _police(vcpu: Vcpu, now: u64) -> None:
    if vcpu.funded:
        _deplete(vcpu, now)
    if not vcpu.funded and status.running == scheduler.holder and _of_grace(status.running) == 0:
        panic("a task without budget holds a mutex longer than it may")


@metal
def _deplete(vcpu: Vcpu, now: u64) -> None:
    if vcpu.extra != 0 and not vcpu.enlarged:
        status.vcpus[vcpu.index].overruns += 1
        _raise_mode(vcpu.level, now)
        if _available(vcpu, now) != 0:
            return
    status.vcpus[vcpu.index].depletions += 1
    _unfund(vcpu)


@metal(inline=True)
def end_of_budget(task: u64, now: u64) -> u64:
    """Until when ``task``, which may run, may go on."""
    vcpu = _of_task[task][0]
    if vcpu.kind == VcpuKind.BEST_EFFORT:
        return events.NEVER
    return now + (_available(vcpu, now) if vcpu.funded else _of_grace(task))


@metal
def _of_grace(holder: u64) -> u64:
    """How much longer who holds a mutex may go on without budget."""
    return scheduler.limit - min(scheduler.limit, status.tasks[holder].used)


@metal(inline=True)
def _available(vcpu: Vcpu, now: u64) -> u64:
    if vcpu.kind == VcpuKind.MAIN:
        return servers.available(vcpu.main, now)
    return servers.available_io(vcpu.io, now)


# ---- tasks that wait and wake -----------------------------------------------------------------


@metal(inline=True)
def task_has_blocked(now: u64) -> None:
    """The task that has the core, charged until now, is ready no more."""
    vcpu = _of_task[status.running][0]
    if vcpu.kind != VcpuKind.BEST_EFFORT and not tasksets.meet(vcpu.tasks, status.ready):
        _block(vcpu)
    if status.mode != 0 and not tasksets.meet(_of_raised_levels, status.ready):
        _lower_mode(now)


@metal
def _block(vcpu: Vcpu) -> None:
    vcpu.backlogged = False
    if vcpu.kind == VcpuKind.MAIN:
        servers.block(vcpu.main)
    else:
        servers.end(vcpu.io)


@metal(inline=True)
def task_has_woken(task: u64) -> None:
    """``task`` is ready now."""
    vcpu = _of_task[task][0]
    if not vcpu.backlogged:
        _unblock(vcpu, task)


@metal
def _unblock(vcpu: Vcpu, task: u64) -> None:
    vcpu.backlogged = True
    now = read_tsc()
    if vcpu.kind == VcpuKind.MAIN:
        servers.unblock(vcpu.main, now)
    else:
        servers.begin(vcpu.io, _io_budget(vcpu, task), now)
    if _available(vcpu, now) != 0:
        _fund(vcpu)
    else:
        _unfund(vcpu)


@metal
def _io_budget(vcpu: Vcpu, task: u64) -> u64:
    """Cmax: the I/O VCPU's share of the period of whom the bottom half ``task`` works for."""
    period = clock.duration_to_tsc(info.tasks[task].period)
    return period * info.vcpus[vcpu.index].utilization >> _FRACTION_BITS


@metal
def replenish(index: u64, now: u64) -> None:
    """The moment has come for which a VCPU without budget has been waiting."""
    vcpu = vcpus[index]
    if _available(vcpu, now) != 0:
        _fund(vcpu)
    else:
        _unfund(vcpu)


@metal
def _fund(vcpu: Vcpu) -> None:
    """Its tasks may run."""
    if not vcpu.funded:
        vcpu.funded = True
        tasksets.add_all(scheduler.funded, vcpu.tasks)
        queue.remove(events.events, events.FIRST_REPLENISHMENT + vcpu.index)
        scheduler.reconsider()


@metal
def _unfund(vcpu: Vcpu) -> None:
    """Its tasks may not run until it is replenished."""
    is_main = vcpu.kind == VcpuKind.MAIN
    next = servers.next_time(vcpu.main) if is_main else servers.next_time_io(vcpu.io)
    queue.set(events.events, events.FIRST_REPLENISHMENT + vcpu.index, next)
    vcpu.funded = False
    tasksets.remove_all(scheduler.funded, vcpu.tasks)
    scheduler.reconsider()


# ---- criticality ------------------------------------------------------------------------------


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
            if vcpu.extra != 0 and not vcpu.enlarged:
                vcpu.enlarged = True
                servers.enlarge(vcpu.main, vcpu.extra, now)
                if vcpu.backlogged:
                    _fund(vcpu)
        else:
            tasksets.add_all(scheduler.suspended, vcpu.tasks)
    scheduler.reconsider()


@metal
def _lower_mode(now: u64) -> None:
    """All tasks may run again; VCPUs that had their second budgets begin afresh."""
    status.mode = 0
    status.mode_changes += 1
    tasksets.clear_all(scheduler.suspended)
    for i in range(info.vcpu_count):
        vcpu = vcpus[i]
        if vcpu.enlarged:
            vcpu.enlarged = False
            servers.restart(vcpu.main, vcpu.budget, now)
            _fund(vcpu)
    scheduler.reconsider()
