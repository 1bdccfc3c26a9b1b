"""Tasks: how they start, wait, are woken, give way and end.

A task that waits keeps the core until another can use it: an idle core sleeps on the stack of the
task that waited last, so that waking that same task switches nothing. Interrupts are off wherever
the set of ready tasks is looked at or changed.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.kernel import context, floats, scheduler, spaces
from questv.kernel.hypercall import hypercall
from questv.kernel.info import MAX_TASKS, info
from questv.kernel.status import status
from questv.kernel.stubs import wait_for_interrupt
from questv.metal.lang import Array, metal, ptr, static, trailing_zeros, u64
from questv.monitor.interface import Hypercall

NOBODY = MAX_TASKS
"""Stands for the kernel itself where a task's index is kept."""

_stack_pointers: Array[u64, MAX_TASKS + 1] = static()  # of the tasks that do not have the core


@metal
def current() -> u64:
    """The index of the task that has the core, or ``NOBODY`` before the first one has it."""
    return trailing_zeros(status.running)


@metal
def prepare() -> None:
    """Make every task of the plan ready to begin."""
    status.running = u64(1) << NOBODY
    for i in range(info.task_count):
        _stack_pointers[i] = context.prepare(info.tasks[i].stack_top)
        scheduler.make_ready(u64(1) << u64(i))


@metal
def run() -> None:
    """Give the core to the tasks, for good. Interrupts are off."""
    _end_if_all_have_finished()
    _give_way()


@metal(export="kernel_task_main")
def task_main() -> None:
    """The life of a task, on its own stack."""
    enable_interrupts()
    own = info.tasks[current()]
    given = own.arguments
    own.entry(given[0], given[1], given[2], given[3], given[4], given[5])
    disable_interrupts()
    status.finished |= status.running
    _end_if_all_have_finished()
    block()


@metal
def _end_if_all_have_finished() -> None:
    if status.finished == (u64(1) << u64(info.task_count)) - 1:
        hypercall(Hypercall.FINISHED, 0, 0)


@metal(inline=True)
def block() -> None:
    """Let the current task wait until ``wake``. Interrupts are off, and off again afterwards."""
    scheduler.make_unready(status.running)
    _give_way()


@metal(inline=True)
def wake(task: u64) -> None:
    """Make the task with this bit ready, if it waits. Interrupts are off."""
    scheduler.make_ready(task)


@metal(inline=True)
def preempt() -> None:
    """Let the task that should have the core run now. Interrupts are off."""
    chosen = scheduler.choose()
    if chosen != status.running:
        _switch_to(chosen)


@metal(inline=True)
def _give_way() -> None:
    """Give the core to the task that should have it, when there is one."""
    while not scheduler.anyone_ready():
        wait_for_interrupt()
    if not scheduler.is_alone(status.running):
        preempt()


@metal
def _switch_to(task: u64) -> None:
    previous = current()
    status.running = task
    status.switches[current()] += 1
    floats.hand_over(info.tasks[current()].float_state)
    spaces.hand_over(info.tasks[current()].process)
    context.switch(ptr(_stack_pointers[previous]), _stack_pointers[current()])
