"""Semaphores and conditions: how tasks of one kernel wait for each other.

They are variables of a module that the tasks share: ``full: Semaphore = static()``. Whoever waits
longest by urgency, not by time, is served first. Deadlines are moments in nanoseconds since the
machine's start, or ``FOREVER``.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.kernel import clock, tasks, tasksets, timers
from questv.kernel.doorbells import FOREVER
from questv.kernel.info import MAX_TASKS
from questv.kernel.mutexes import Mutex
from questv.kernel.tasksets import TaskSet
from questv.metal.lang import metal, u64
from questv.metal.structs import Struct


@metal
def _wait(waiting: TaskSet, deadline: u64) -> bool:
    """Let the current task wait to be chosen; false if the deadline passes. Interrupts are off."""
    own = tasks.current()
    tasksets.add(waiting, own)
    if deadline == FOREVER:
        tasks.block()
        return True
    if timers.set_alarm(clock.to_tsc(deadline)):
        tasks.block()
        timers.cancel_alarm()
    chosen = not tasksets.contains(waiting, own)
    tasksets.remove(waiting, own)
    return chosen


@metal
def _wake_first(waiting: TaskSet) -> bool:
    """Wake the most urgent task that waits; false if none does. Interrupts are off."""
    first = tasksets.first_of_both(waiting, waiting)
    if first == MAX_TASKS:
        return False
    tasksets.remove(waiting, first)
    tasks.wake(first)
    return True


class Semaphore(Struct):
    """A counting semaphore; it begins at zero."""

    count: u64
    waiting: TaskSet

    @metal
    def wait(self, deadline: u64) -> bool:
        """Take one from the count, waiting until there is one; false if the deadline passes."""
        disable_interrupts()
        taken = self.count != 0
        if taken:
            self.count -= 1
        else:
            taken = _wait(self.waiting, deadline)
        enable_interrupts()
        return taken

    @metal
    def post(self) -> None:
        """Add one to the count, or hand it to the most urgent task that waits."""
        disable_interrupts()
        if not _wake_first(self.waiting):
            self.count += 1
        tasks.preempt()
        enable_interrupts()


class Condition(Struct):
    """A condition variable: waiting for something that a mutex protects to become true."""

    waiting: TaskSet

    @metal
    def wait(self, mutex: Mutex, deadline: u64) -> bool:
        """Give ``mutex`` back, wait for a notice, and lock it again; false if the deadline passes.

        The caller holds the mutex, and no other. What it waits for is to be looked at again: more
        urgent tasks may have been here since the notice.
        """
        disable_interrupts()
        mutex.give()
        noticed = _wait(self.waiting, deadline)
        tasks.preempt()  # the mutex was free, also if there was nothing to wait for
        mutex.take()
        enable_interrupts()
        return noticed

    @metal
    def notify(self) -> None:
        """Wake the most urgent task that waits, if any does. It runs when the mutex is free."""
        disable_interrupts()
        _wake_first(self.waiting)
        tasks.preempt()
        enable_interrupts()

    @metal
    def notify_all(self) -> None:
        """Wake every task that waits."""
        disable_interrupts()
        while _wake_first(self.waiting):
            pass
        tasks.preempt()
        enable_interrupts()
