"""Tasks: how they start, wait, are woken, give way and end.

A task that waits keeps the core until another can use it: an idle core sleeps on the stack of the
task that waited last, so that waking that same task switches nothing. Interrupts are off wherever
the set of ready tasks is looked at or changed.
"""

from __future__ import annotations

from questv.arch.x86.instructions import (
    disable_interrupts,
    enable_interrupts,
    enable_interrupts_and_halt,
)
from questv.kernel import context, scheduler
from questv.kernel.hypercall import hypercall
from questv.kernel.info import MAX_TASKS, info
from questv.kernel.status import TaskState, status
from questv.metal.lang import Array, metal, ptr, static, u32, u64
from questv.monitor.interface import Hypercall

NOBODY = MAX_TASKS
"""Stands for the kernel itself where a task's index is kept."""

_stack_pointers: Array[u64, MAX_TASKS + 1] = static()  # of the tasks that do not have the core
_current: u64 = static(NOBODY)
_idle: bool = static(False)
_unfinished: u32 = static(0)


@metal(inline=True)
def current() -> u64:
    """The index of the task that has the core, or ``NOBODY`` before the first one has it."""
    return _current


@metal
def prepare() -> None:
    """Make every task of the plan ready to begin."""
    global _unfinished
    _unfinished = info.task_count
    for i in range(info.task_count):
        _stack_pointers[i] = context.prepare(info.tasks[i].stack_top)
        status.tasks[i].state = TaskState.READY
        scheduler.make_ready(u64(i))


@metal
def run() -> None:
    """Give the core to the tasks, for good. Interrupts are off."""
    if _unfinished == 0:
        hypercall(Hypercall.FINISHED, 0, 0)
    _give_way()


@metal(export="kernel_task_main")
def task_main() -> None:
    """The life of a task, on its own stack."""
    global _unfinished
    enable_interrupts()
    own = info.tasks[_current]
    given = own.arguments
    own.entry(given[0], given[1], given[2], given[3], given[4], given[5])
    disable_interrupts()
    status.tasks[_current].state = TaskState.FINISHED
    _unfinished -= 1
    if _unfinished == 0:
        hypercall(Hypercall.FINISHED, 0, 0)
    block(TaskState.FINISHED)


@metal
def block(state: TaskState) -> None:
    """Let the current task wait until ``wake``. Interrupts are off, and off again afterwards."""
    status.tasks[_current].state = state
    scheduler.make_unready(_current)
    _give_way()


@metal
def wake(task: u64) -> None:
    """Make a task that waits ready. Interrupts are off."""
    status.tasks[task].state = TaskState.READY
    status.tasks[task].wakeups += 1
    scheduler.make_ready(task)


@metal
def preempt() -> None:
    """At the end of an interrupt: let a more urgent task that has become ready run now."""
    if not _idle and scheduler.choose() != _current:
        _give_way()


@metal
def _give_way() -> None:
    """Give the core to the task that should have it, when there is one."""
    global _current, _idle
    while not scheduler.anyone_ready():
        _idle = True
        status.idle_entries += 1
        enable_interrupts_and_halt()
        disable_interrupts()
        _idle = False
    chosen = scheduler.choose()
    if chosen != _current:
        previous = _current
        _current = chosen
        status.tasks[chosen].switches += 1
        context.switch(ptr(_stack_pointers[previous]), _stack_pointers[chosen])
