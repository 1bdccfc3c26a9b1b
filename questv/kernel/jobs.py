"""What tasks do with their time: a body that is called once, or once each period.

Periodic tasks are first released when all of them have been initialized, at the same moment. From
then on each release is a period after the one before, whatever happens: a call that takes too long
makes the next one late, and its miss is counted. Of releases that are whole periods late all but
the last are left out.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.kernel import clock, context, tasks, timers, vcpus
from questv.kernel.info import MAX_TASKS, TaskInfo, VcpuKind, info
from questv.kernel.status import RESPONSES, RESPONSES_IN_TIME, TaskStatus, status
from questv.metal.lang import Array, metal, ptr, static, u64

_uninitialized: u64 = static()  # periodic tasks that are yet to be initialized
_first_release: u64 = static()  # nanoseconds
_is_finishing: Array[bool, MAX_TASKS] = static()


@metal
def start() -> None:
    """Count the periodic tasks."""
    global _uninitialized
    for i in range(info.task_count):
        if _is_periodic(info.tasks[i]):
            _uninitialized += 1


@metal(inline=True)
def _is_periodic(task: TaskInfo) -> bool:
    # An I/O VCPU's bottom halves have the period of whom they work for, but go on for ever.
    return task.period != 0 and info.vcpus[task.vcpu].kind != VcpuKind.IO


@metal(export="kernel_task_main")
def task_main() -> None:
    """The life of a task, on its own stack."""
    enable_interrupts()
    own = info.tasks[tasks.current()]
    if own.initialize.function != 0:
        context.call(ptr(own.initialize), own.float_state != 0)
    if _is_periodic(own):
        _await_first_release()
        _call_each_period(own, status.tasks[tasks.current()])
    else:
        context.call(ptr(own.body), own.float_state != 0)
    disable_interrupts()
    tasks.end()


@metal
def finish() -> None:
    """Let the current call of the periodic task that has the core be its last one."""
    _is_finishing[tasks.current()] = True


@metal
def _await_first_release() -> None:
    global _uninitialized, _first_release
    disable_interrupts()
    _uninitialized -= 1
    if _uninitialized == 0:
        _first_release = clock.now()
        now = tasks.charge_current()  # what it was initialized with is of the past
        for i in range(info.task_count):
            if _is_periodic(info.tasks[i]):
                vcpus.begin_afresh(u64(i), now)
                tasks.wake(u64(i))
        tasks.preempt()
    else:
        tasks.block()
    enable_interrupts()


@metal
def _call_each_period(own: TaskInfo, counters: TaskStatus) -> None:
    release = _first_release
    counters.due = release + own.deadline
    while True:
        counters.releases += 1
        context.call(ptr(own.body), own.float_state != 0)
        took = clock.now() - release
        counters.worst = max(counters.worst, took)
        counters.responses[min(took * RESPONSES_IN_TIME // own.deadline, RESPONSES - 1)] += 1
        if took > own.deadline:
            counters.misses += 1
        if _is_finishing[tasks.current()]:
            return
        release += own.period
        if took >= 2 * own.period:
            late = took // own.period - 1
            counters.dropped += late
            release += late * own.period
        counters.due = release + own.deadline
        timers.sleep_until(release)
