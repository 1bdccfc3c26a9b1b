"""Watchdogs: a task that does not say in time that it goes on has failed, and the kernel gives up.

Each task has one of its own. It finds a task that waits for what never comes, computes for ever or
has not been given the time that it needs; not a kernel that hangs with interrupts off, as it is
the timer's interrupt that tells.
"""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_tsc
from questv.kernel import clock, events, tasks
from questv.metal.lang import metal, u64


@metal
def watch(deadline: u64) -> None:
    """Have the kernel give up if the calling task does not call this, or ``unwatch``, in time.

    That is before ``deadline``, in nanoseconds since the machine's start. A task that has ended is
    not watched any more.
    """
    disable_interrupts()
    events.add(events.WATCHDOG, tasks.current(), clock.to_tsc(deadline), read_tsc())
    enable_interrupts()


@metal
def unwatch() -> None:
    """Let the calling task take its time from now on."""
    disable_interrupts()
    events.remove(events.WATCHDOG, tasks.current())
    enable_interrupts()
