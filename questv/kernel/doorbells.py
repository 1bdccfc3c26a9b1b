"""Waiting for the other side of a channel: one doorbell for each announced sleep."""

from __future__ import annotations

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.channel.sleep import Area, Bell, announce_sleep, end_sleep, must_ring
from questv.kernel import lapic, tasks, timers
from questv.kernel.info import EndInfo
from questv.kernel.status import EndStatus, TaskState, status
from questv.metal.lang import Array, Ptr, metal, ptr, static, u32, u64
from questv.metal.structs import Struct
from questv.monitor.interface import VECTORS

FOREVER = (1 << 64) - 1
"""A deadline that never comes."""


class Wait(Struct):
    """How the task of one end waits for the other side, and wakes it."""

    own: Ptr[Area]
    peer: Ptr[Area]
    task: u64  # whose the end is
    end: u32  # the end's index in the plan
    peer_core: u32
    peer_vector: u32
    announced: bool  # a sleep is announced, and no doorbell has come for it yet
    blocked: bool  # the task has given the core away
    bell: Bell


_by_vector: Array[Ptr[Wait], VECTORS] = static()


@metal
def connect(wait: Wait, end: EndInfo) -> None:
    """Prepare the waiting of one end, and let its doorbell's vector lead to it."""
    wait.own = Ptr[Area](end.own)
    wait.peer = Ptr[Area](end.peer)
    wait.task = u64(end.task)
    wait.end = end.index
    wait.peer_core = end.peer_core
    wait.peer_vector = end.peer_vector
    _by_vector[end.bell_vector] = ptr(wait)


@metal(inline=True)
def counters(wait: Wait) -> EndStatus:
    """The counters of an end."""
    return status.ends[wait.end]


@metal
def take(vector: u32) -> bool:
    """A doorbell has come, interrupts are off; false if its vector is no end's."""
    found = _by_vector[vector]
    if found.is_null():
        return False
    wait = found[0]
    status.doorbells += 1
    if not wait.announced:
        counters(wait).late += 1
        return True
    wait.announced = False
    counters(wait).woken += 1
    if wait.blocked:
        wait.blocked = False
        tasks.wake(wait.task)
    return True


@metal(inline=True)
def ring_if_asleep(wait: Wait) -> None:
    """After a change in the own area: wake the other side if it sleeps."""
    if must_ring(wait.bell, wait.peer[0]):
        counters(wait).rung += 1
        lapic.ring(wait.peer_core, wait.peer_vector)


# A task that finds nothing to do calls ``announce``, looks again, and then calls ``sleep`` if
# there is still nothing, or ``cancel`` if there is.


@metal(inline=True)
def announce(wait: Wait) -> None:
    """Say that this end's task is about to sleep."""
    wait.announced = True
    announce_sleep(wait.bell, wait.own[0])


@metal(inline=True)
def cancel(wait: Wait) -> None:
    """Say that it is awake after all."""
    wait.announced = False
    end_sleep(wait.bell, wait.own[0])


@metal
def sleep(wait: Wait, deadline: u64) -> bool:
    """Sleep until a doorbell comes, or until ``deadline`` (time-stamp counter): then false."""
    disable_interrupts()
    in_time = True
    if wait.announced:
        if deadline == FOREVER:
            _block(wait)
        elif timers.set_alarm(deadline):
            _block(wait)
            in_time = timers.cancel_alarm()
        else:
            in_time = False
    wait.blocked = False
    wait.announced = False
    enable_interrupts()
    end_sleep(wait.bell, wait.own[0])
    return in_time


@metal
def _block(wait: Wait) -> None:
    wait.blocked = True
    counters(wait).waits += 1
    status.tasks[wait.task].end = wait.end
    tasks.block(TaskState.WAITING)
