"""Mutexes with an immediate priority ceiling.

While a task holds a mutex, no other runs but those that are more urgent than the most urgent of
the mutex's users. So nobody who could want it runs: locking never waits, there is no deadlock, and
what a less urgent task can cost another is the longest of its critical sections, once.

Mutexes are held one within the other: whoever preempts a holder gives all that it locks back before
the holder goes on. A holder whose VCPU runs out of budget goes on until it unlocks, as long as it
has not held the mutex for longer than the description allows: that is what others have been told
to count with. Whoever waits while it holds one, or holds it longer without budget, has broken a
promise to all others, and the kernel gives up. Who holds it longer with budget is counted.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.kernel import clock, scheduler, tasks, tasksets, vcpus
from questv.kernel.info import MAX_MUTEXES, info
from questv.kernel.panic import panic
from questv.kernel.scheduler import NOBODY
from questv.kernel.status import MutexStatus, status
from questv.kernel.tasksets import TaskSet
from questv.metal.lang import Array, Ptr, copy, metal, ptr, static, u64
from questv.metal.structs import Struct


class Mutex(Struct):
    """A mutex of the description; its users are the tasks that have it as a parameter."""

    ceiling: TaskSet  # its most urgent user, and all that are less urgent
    hold: u64  # ticks; how long it may be held, not counting preemption
    is_held: bool
    holder: u64  # a task; this and what follows is void while it is free
    taken: u64  # ticks that the holder had had the core in all when it locked it
    limit: u64  # likewise, up to which it goes on without budget
    barred_before: TaskSet  # what was barred when it was locked
    outer: Ptr[Mutex]  # the one that was locked before and is held yet
    counters: MutexStatus  # for the tools on the host

    @metal
    def lock(self) -> None:
        """Take it. The holder must not wait for anything until it unlocks it."""
        disable_interrupts()
        self.take()
        enable_interrupts()

    @metal
    def unlock(self) -> None:
        """Give it back; more urgent tasks run now that were kept from running."""
        disable_interrupts()
        self.give()
        tasks.preempt()
        enable_interrupts()

    @metal
    def take(self) -> None:
        """What ``lock`` does. Interrupts are off."""
        global _innermost
        if self.is_held:
            panic("a task locks a mutex that it holds already")
        self.is_held = True
        self.holder = status.running
        self.taken = vcpus.time_of_current()
        self.limit = self.taken + self.hold
        if scheduler.holder == self.holder:  # which is to be done with the outer one in its time
            self.limit = min(self.limit, scheduler.limit)
        scheduler.holder = self.holder
        scheduler.limit = self.limit
        copy(self.barred_before, scheduler.barred)
        scheduler.bar(self.ceiling)
        self.outer = _innermost
        _innermost = ptr(self)
        if not self.outer.is_null() and not vcpus.is_plain:
            tasks.arm_anew()  # it may have to unlock this one sooner than the outer one

    @metal
    def give(self) -> None:
        """What ``unlock`` does, but for letting others run. Interrupts are off."""
        global _innermost
        if not self.is_held or self.holder != status.running:
            panic("a task unlocks a mutex that it does not hold")
        if _innermost != ptr(self):
            panic("a task unlocks a mutex before one that it has locked later")
        self.is_held = False
        self._count(vcpus.time_of_current() - self.taken)
        copy(scheduler.barred, self.barred_before)
        _innermost = self.outer
        if _innermost.is_null():
            scheduler.holder = NOBODY
        else:
            scheduler.holder = _innermost[0].holder
            scheduler.limit = _innermost[0].limit
        scheduler.reconsider()

    @metal
    def _count(self, held: u64) -> None:
        self.counters.times += 1
        self.counters.longest = max(self.counters.longest, held)
        if held > self.hold:
            self.counters.overruns += 1


mutexes: Array[Mutex, MAX_MUTEXES] = static(export="kernel_mutexes")
_innermost: Ptr[Mutex] = static()  # the one that was locked last and is held yet


@metal
def start() -> None:
    """Set every mutex of the plan up."""
    for i in range(info.mutex_count):
        mutex = Ptr[Mutex](info.mutexes[i].object)[0]
        mutex.hold = clock.duration_to_tsc(info.mutexes[i].hold)
        for task in range(info.mutexes[i].ceiling, u64(info.task_count)):
            tasksets.add(mutex.ceiling, task)
