"""Waiting for the other side of a channel: as in a kernel, but that the kernel is asked to sleep.

What a kernel's own tasks share with the kernel's interrupt handlers is not there: a doorbell that
comes between the announcement of a sleep and the call is kept by the kernel for the call.
"""

from __future__ import annotations

from enum import IntEnum

from questv.channel import sleep as sleeping
from questv.channel.sleep import (
    Area,
    Bell,
    announce_sleep,
    is_known,
    must_ring,
    notice_restart,
    withdraw_sleep,
)
from questv.kernel.info import EndInfo
from questv.kernel.status import EndStatus
from questv.metal.lang import Ptr, metal, u8, u64
from questv.metal.structs import Struct, width
from questv.process import calls, clock

FOREVER = (1 << 64) - 1
"""A deadline that never comes; others are in nanoseconds since the machine's start."""


@width(u8)
class WaitState(IntEnum):
    """Whether a process sleeps for an end, or is about to."""

    AWAKE = 0
    ASLEEP = 1


class Wait(Struct):
    """How a process waits for the other side of an end, and wakes it."""

    own: Ptr[Area]
    peer: Ptr[Area]
    end: u64  # the number by which the kernel knows the end
    state: WaitState
    bell: Bell
    counters: EndStatus  # for the tools on the host; of doorbells and sleeps the kernel counts


@metal
def start() -> None:
    """Nothing is to be done before ends are connected."""


@metal
def connect(wait: Wait, end: EndInfo) -> None:
    """Prepare the waiting of one end."""
    wait.own = Ptr[Area](end.own)
    wait.peer = Ptr[Area](end.peer)
    wait.end = u64(end.index)


@metal
def introduce(wait: Wait, session: u64) -> None:
    """Let the other side of an end that is set up learn that this one has been restarted."""
    sleeping.introduce(wait.bell, wait.own[0], wait.peer[0], session)
    calls.ring(wait.end)


@metal(inline=True)
def notice(wait: Wait) -> None:
    """Count it if the other side has been restarted."""
    if notice_restart(wait.bell, wait.peer[0]):
        wait.counters.resets += 1


@metal(inline=True)
def ring_if_asleep(wait: Wait) -> bool:
    """After a change in the own area: wake the other side if it sleeps.

    True if it has been restarted since this was last asked.
    """
    if not must_ring(wait.bell, wait.peer[0]):
        return False
    calls.ring(wait.end)
    if is_known(wait.bell, wait.peer[0]):
        return False
    notice(wait)
    return True


@metal(inline=True)
def has_passed(deadline: u64) -> bool:
    """Whether it is too late to sleep."""
    return deadline != FOREVER and clock.now() >= deadline


@metal(inline=True)
def announce(wait: Wait) -> None:
    """Say that this end's process is about to sleep."""
    wait.state = WaitState.ASLEEP
    announce_sleep(wait.bell, wait.own[0])


@metal(inline=True)
def cancel(wait: Wait) -> None:
    """Say that it is awake after all."""
    wait.state = WaitState.AWAKE
    withdraw_sleep(wait.own[0])


@metal(inline=True)
def sleep(wait: Wait, deadline: u64) -> None:
    """Sleep until a doorbell comes or ``deadline`` (nanoseconds) passes."""
    calls.wait(wait.end, deadline)
    cancel(wait)
