"""Tasks: how they start, wait, are woken, give way and end.

A task that waits keeps the core until another can use it: an idle core sleeps on the stack of the
task that ran last, so that waking that same task switches nothing. Interrupts are off wherever
the set of ready tasks is looked at or changed.
"""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel import (
    console_port,
    context,
    events,
    floats,
    scheduler,
    spaces,
    tasksets,
    vcpus,
)
from questv.kernel.ending import end_kernel
from questv.kernel.info import MAX_TASKS, VcpuKind, info
from questv.kernel.panic import panic
from questv.kernel.scheduler import NOBODY
from questv.kernel.status import status
from questv.kernel.stubs import take_interrupt_now, wait_for_interrupt
from questv.kernel.vcpus import Member
from questv.metal.lang import Array, metal, ptr, static, u64

_stack_pointers: Array[u64, MAX_TASKS + 1] = static()  # of the tasks that do not have the core
_unfinished: u64 = static()  # tasks of the plan that have not ended


@metal(inline=True)
def current() -> u64:
    """The index of the task that has the core, or ``NOBODY`` before the first one has it."""
    return status.running


@metal
def prepare() -> None:
    """Before anything else: what runs is no task."""
    vcpus.set_current(NOBODY)


@metal
def start() -> None:
    """Make every task of the plan ready to begin."""
    global _unfinished
    for i in range(info.task_count):
        _stack_pointers[i] = context.prepare(info.tasks[i].stack_top)
        wake(u64(i))
        own = info.tasks[i]
        if info.vcpus[own.vcpu].kind != VcpuKind.IO and own.is_service == 0:
            _unfinished += 1


@metal
def run() -> None:
    """Give the core to the tasks, for good. Interrupts are off."""
    if _unfinished == 0:
        end_kernel(False)
    _reschedule()


@metal
def end() -> None:
    """End the task that has the core. Interrupts are off."""
    global _unfinished
    tasksets.add(status.finished, status.running)
    events.remove(events.WATCHDOG, status.running)
    _unfinished -= 1
    if _unfinished == 0:
        end_kernel(False)
    block()


@metal(inline=True)
def block() -> None:
    """Let the current task wait until ``wake``. Interrupts are off, and off again afterwards."""
    tasksets.take_out(status.ready, vcpus.current[0].itself)
    if not vcpus.is_plain or not tasksets.is_empty(status.ready):
        _block_with_care()
        return
    # The most frequent case by far, and the reason for which a task keeps the core.
    wait_for_interrupt()
    if not tasksets.equal(status.ready, vcpus.current[0].itself):
        _dispatch(read_tsc())
    elif events.has_fired():
        events.arm_again()


@metal
def frame_of(task: u64) -> u64:
    """The frame, with the return address above it, of a task that does not have the core."""
    return context.frame(_stack_pointers[task])


@metal
def _block_with_care() -> None:
    if status.running == scheduler.holder:
        panic("a task waits while it holds a mutex")
    now = read_tsc()
    vcpus.charge(now)
    vcpus.task_has_blocked(now)
    if scheduler.choose() != NOBODY or console_port.must_send():
        _dispatch(now)
        return
    events.arm(events.next_moment(), now)
    wait_for_interrupt()
    now = read_tsc()
    vcpus.charge_nobody(now)
    if scheduler.choose() == status.running:
        _arm_for(vcpus.current[0], now)
    else:
        _dispatch(now)


@metal
def wake(task: u64) -> None:
    """Make the task with this index ready, if it waits. Interrupts are off."""
    wake_member(vcpus.members[task], read_tsc())


@metal(inline=True)
def wake_member(task: Member, now: u64) -> None:
    """Make this task ready, if it waits. Interrupts are off."""
    tasksets.add_all(status.ready, task.itself)
    if task.has_server:
        vcpus.task_has_woken(task, now)


@metal
def charge_current() -> u64:
    """Charge the current task with what it has used until now, which is the result."""
    now = read_tsc()
    vcpus.charge(now)
    return now


@metal
def arm_anew() -> None:
    """The current task may go on for another time than before. Interrupts are off."""
    _arm_for(vcpus.current[0], charge_current())


@metal(inline=True)
def preempt() -> None:
    """Let the task that should have the core run now. Interrupts are off."""
    if events.has_fired() or scheduler.choose() != status.running:
        _reschedule()


@metal
def _reschedule() -> None:
    """Charge the current task, and go on with the one that should have the core."""
    now = read_tsc()
    if not vcpus.is_plain:
        vcpus.charge(now)
        vcpus.police(now)
    _dispatch(now)


@metal
def _dispatch(now: u64) -> None:
    """Give the core to the task that should have it, as soon as there is one."""
    chosen = scheduler.choose()
    while chosen == NOBODY:
        events.arm(events.next_moment(), now)
        if console_port.must_send():
            console_port.try_to_send()
            take_interrupt_now()
        else:
            wait_for_interrupt()
        now = read_tsc()
        vcpus.charge_nobody(now)
        chosen = scheduler.choose()
    _arm_for(vcpus.members[chosen], now)
    if chosen != status.running:
        _switch_to(chosen)


@metal(inline=True)
def _arm_for(task: Member, now: u64) -> None:
    """Let the timer interrupt ``task``, which has the core, when something else has to be done."""
    events.arm(min(events.next_moment(), vcpus.end_of_budget(task, now)), now)


@metal
def _switch_to(task: u64) -> None:
    previous = status.running
    vcpus.set_current(task)
    status.tasks[task].switches += 1
    floats.hand_over(info.tasks[task].float_state)
    spaces.hand_over(info.tasks[task].process)
    context.switch(ptr(_stack_pointers[previous]), _stack_pointers[task])
