"""What tasks do with their time: a body that is called once, or once each period.

Periodic tasks are first released when all of them have been initialized, at the same moment; a
stand-in when it has been initialized itself. From then on each release is a period after the one
before, whatever happens: a call that takes too long makes the next one late, and its miss is
counted. Of releases that are whole periods late all but the last are left out.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.kernel import clock, context, takeover, tasks, timers, vcpus
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
        if _is_released_with_others(info.tasks[i]):
            _uninitialized += 1


@metal(inline=True)
def _is_periodic(task: TaskInfo) -> bool:
    # An I/O VCPU's bottom halves have the period of whom they work for, but go on for ever.
    return task.period != 0 and info.vcpus[task.vcpu].kind != VcpuKind.IO


@metal(inline=True)
def _is_released_with_others(task: TaskInfo) -> bool:
    return _is_periodic(task) and task.stands_in == 0


@metal(export="kernel_task_main")
def task_main() -> None:
    """The life of a task, on its own stack."""
    enable_interrupts()
    own = info.tasks[tasks.current()]
    if own.stands_in != 0:
        takeover.await_turn()
    if own.initialize.function != 0:
        context.call(ptr(own.initialize), own.float_state != 0)
    if _is_released_with_others(own):
        _await_first_release()
    release = _first_release
    if own.stands_in != 0:
        takeover.begin()
        release = clock.now()
    if _is_periodic(own) and own.moves == 0:
        _call_each_period(own, status.tasks[tasks.current()], release)
    else:
        context.call(ptr(own.body), own.float_state != 0)
    disable_interrupts()
    tasks.end()


@metal
def finish() -> None:
    """Let the current call of the periodic task that has the core be its last one."""
    _is_finishing[tasks.current()] = True


@metal
def is_finishing(task: u64) -> bool:
    """Whether the current call of this task is its last one."""
    return _is_finishing[task]


@metal
def set_finishing(task: u64, is_last: bool) -> None:
    """Say whether it is, of a task that came from another kernel in the middle of it."""
    _is_finishing[task] = is_last


@metal
def first_release() -> u64:
    """When all periodic tasks were released first, in nanoseconds since the machine's start."""
    return _first_release


@metal
def _await_first_release() -> None:
    global _uninitialized, _first_release
    disable_interrupts()
    _uninitialized -= 1
    if _uninitialized == 0:
        _first_release = clock.now()
        now = tasks.charge_current()  # what it was initialized with is of the past
        for i in range(info.task_count):
            if _is_released_with_others(info.tasks[i]):
                vcpus.begin_afresh(u64(i), now)
                tasks.wake(u64(i))
        tasks.preempt()
    else:
        tasks.block()
    enable_interrupts()


@metal
def _call_each_period(own: TaskInfo, counters: TaskStatus, release: u64) -> None:
    counters.due = release + own.deadline
    while True:
        counters.releases += 1
        context.call(ptr(own.body), own.float_state != 0)
        took = call_has_ended(counters, release, own.deadline)
        if _is_finishing[tasks.current()]:
            return
        release = next_release(counters, release, own.period, took)
        counters.due = release + own.deadline
        timers.sleep_until(release)


@metal
def call_has_ended(counters: TaskStatus, release: u64, deadline: u64) -> u64:
    """Take account of a call of the current task; the nanoseconds since its release."""
    took = clock.now() - release
    counters.worst = max(counters.worst, took)
    counters.responses[min(took * RESPONSES_IN_TIME // deadline, RESPONSES - 1)] += 1
    if took > deadline:
        counters.misses += 1
    return took


@metal
def next_release(counters: TaskStatus, release: u64, period: u64, took: u64) -> u64:
    """When the task is called next, after a call that took so long."""
    late: u64 = 0
    if took >= 2 * period:
        late = took // period - 1
        counters.dropped += late
    return release + (1 + late) * period
