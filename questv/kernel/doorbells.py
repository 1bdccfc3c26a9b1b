"""Waiting for the other side of a channel: one doorbell for each announced sleep."""

from __future__ import annotations

from enum import IntEnum

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_tsc
from questv.channel import sleep as sleeping
from questv.channel.sleep import (
    NOBODY,
    Area,
    Bell,
    announce_sleep,
    is_known,
    must_ring,
    notice_restart,
    withdraw_sleep,
)
from questv.kernel import clock, lapic, tasks, timers, vcpus
from questv.kernel.info import EndInfo
from questv.kernel.status import EndStatus
from questv.kernel.vcpus import Member
from questv.metal.lang import ACQUIRE, RELAXED, Array, Ptr, fence, metal, ptr, static, u8, u32, u64
from questv.metal.structs import Struct, width
from questv.monitor.interface import VECTORS

FOREVER = (1 << 64) - 1
"""A deadline that never comes; others are in nanoseconds since the machine's start."""


@width(u8)
class WaitState(IntEnum):
    """How far a task is with going to sleep."""

    AWAKE = 0
    ASLEEP = 1  # or about to be: it has announced its sleep, and no doorbell has come for it yet
    RUNG = 2  # awake, and since it last slept a doorbell has come


class Wait(Struct):
    """How the task of one end waits for the other side, and wakes it."""

    own: Ptr[Area]
    peer: Ptr[Area]
    task: Ptr[Member]  # whose the end is
    told: Ptr[EndInfo]
    destination: u32  # where and how the other side is rung, as far as it is known where it is
    vector: u32
    end: u32  # the end's index in the plan
    state: WaitState
    bell: Bell
    counters: EndStatus  # for the tools on the host


_by_vector: Array[Ptr[Wait], VECTORS] = static()
_nobody: Wait = static()  # what vectors lead to that are no end's: it never sleeps


@metal
def start() -> None:
    """Before any end is connected: no vector is anybody's."""
    for vector in range(u64(VECTORS)):
        _by_vector[vector] = ptr(_nobody)


@metal
def connect(wait: Wait, end: EndInfo) -> None:
    """Prepare the waiting of one end, and let its doorbell's vector lead to it."""
    wait.own = Ptr[Area](end.own)
    wait.peer = Ptr[Area](end.peer)
    wait.told = ptr(end)
    wait.destination = lapic.destination(end.peer_core)
    wait.vector = end.peer_vector
    wait.end = end.index
    listen(wait, end.bell_vector, u64(end.task))
    for i in range(end.elsewhere_count):
        _by_vector[end.elsewhere[i].bell] = ptr(wait)
    if end.roams != 0:
        wait.bell.known = NOBODY  # each ring has to ask where the other side is


@metal
def introduce(wait: Wait, session: u64) -> None:
    """Let the other side of an end that is set up learn that this one has been restarted."""
    sleeping.introduce(wait.bell, wait.own[0], wait.peer[0], session)
    _find(wait)
    wait.counters.rung += 1
    lapic.send(wait.destination, wait.vector)


@metal(inline=True)
def notice(wait: Wait) -> None:
    """Count it if the other side has been restarted."""
    if notice_restart(wait.bell, wait.peer[0]):
        wait.counters.resets += 1
        _find(wait)


@metal
def _find(wait: Wait) -> None:
    """Ring the other side where it is in the life that is known: for good, unless it roams."""
    end = wait.told[0]
    if end.elsewhere_count != 0:
        fence(ACQUIRE)  # the session before the place
        _aim(wait, end)


@metal
def listen(wait: Wait, vector: u32, task: u64) -> None:
    """Let a doorbell wake a task that sleeps for ``wait``."""
    wait.task = ptr(vcpus.members[task])
    _by_vector[vector] = ptr(wait)


@metal(inline=True)
def take(vector: u64) -> bool:
    """Wake the task that sleeps until this interrupt, if one does. Interrupts are off."""
    wait = _by_vector[vector][0]
    if wait.state != WaitState.ASLEEP:
        return False
    wait.state = WaitState.AWAKE
    wait.counters.woken += 1
    tasks.wake_member(wait.task[0], read_tsc())  # which changes nothing if it has not come to block
    return True


@metal(inline=True)
def take_late(vector: u64) -> bool:
    """Take a doorbell that has found its task awake; false if it is no end's doorbell."""
    wait = _by_vector[vector]
    if wait == ptr(_nobody):
        return False
    wait[0].state = WaitState.RUNG
    wait[0].counters.late += 1
    return True


@metal(inline=True)
def ring_if_asleep(wait: Wait) -> bool:
    """After a change in the own area: wake the other side if it sleeps.

    True if it has been restarted since this was last asked.
    """
    peer = wait.peer[0]
    return must_ring(wait.bell, peer) and _ring(wait, peer)


@metal(inline=True)
def ring(wait: Wait) -> None:
    """Ring the other side's doorbell."""
    _ring(wait, wait.peer[0])


@metal(inline=True)
def _ring(wait: Wait, peer: Area) -> bool:
    """Ring the other side's doorbell; true if it has been restarted since."""
    wait.counters.rung += 1
    if is_known(wait.bell, peer):
        lapic.send(wait.destination, wait.vector)
        return False
    return _ring_another(wait)


@metal
def _ring_another(wait: Wait) -> bool:
    """Ring a side that is not in the place, or not in the life, in which it was known."""
    end = wait.told[0]
    if end.roams != 0:
        _aim(wait, end)
    else:
        notice(wait)
    lapic.send(wait.destination, wait.vector)
    return end.roams == 0


@metal
def _aim(wait: Wait, end: EndInfo) -> None:
    """Ring the other side where it says that it is.

    It says so before it announces a sleep there. If it has moved on since, the doorbell goes
    astray, and that is no loss: whoever has moved looks again before it sleeps.
    """
    place = Ptr[Area](end.peer)[0].place.load(RELAXED)
    if place == 0 or place > u64(end.elsewhere_count):
        wait.destination = lapic.destination(end.peer_core)
        wait.vector = end.peer_vector
    else:
        peer = end.elsewhere[place - 1]
        wait.destination = lapic.destination(peer.core)
        wait.vector = peer.vector


# A task that finds nothing to do calls ``announce``, looks again, and then calls ``sleep`` if
# there is still nothing, or ``cancel`` if there is. Once the deadline ``has_passed`` it looks one
# last time instead: what came in time counts, even if more urgent tasks had the core since then.


@metal(inline=True)
def has_passed(deadline: u64) -> bool:
    """Whether it is too late to sleep."""
    return deadline != FOREVER and clock.now() >= deadline


@metal(inline=True)
def announce(wait: Wait) -> None:
    """Say that this end's task is about to sleep."""
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
    disable_interrupts()
    if wait.state == WaitState.ASLEEP:
        wait.counters.waits += 1
        if deadline == FOREVER:
            tasks.block()
        else:
            _block_until(wait, deadline)
    enable_interrupts()


@metal
def _block_until(wait: Wait, deadline: u64) -> None:
    if timers.set_alarm(clock.to_tsc(deadline)):
        tasks.block()
        timers.cancel_alarm()
    if wait.state == WaitState.ASLEEP:
        cancel(wait)
