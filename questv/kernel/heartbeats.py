"""Signs of life: given each period, and looked for in those that this kernel watches.

They are given by the timer's interrupt. So a kernel with interrupts off gives none, nor one whose
timer is lost; that its tasks go on, too, is a matter of their watchdogs.
"""

from __future__ import annotations

from questv.arch.x86.instructions import read_tsc
from questv.kernel import clock, events, integrity
from questv.kernel.events import HEARTBEAT, OWN
from questv.kernel.hypercall import hypercall
from questv.kernel.info import MAX_WATCHED, info
from questv.metal.lang import RELAXED, Array, Ptr, metal, static, u64
from questv.metal.structs import Struct
from questv.monitor.interface import Hypercall, Pulse


class Watched(Struct):
    """What this kernel knows of one that it watches."""

    since: u64  # TSC value; it had signs of life, or was suspected, no earlier
    deadline: u64  # ticks
    has_ended: bool


_period: u64 = static()  # ticks
_watched: Array[Watched, MAX_WATCHED] = static()


@metal
def start() -> None:
    """Give the first sign of life."""
    global _period
    if info.heartbeat.period == 0:
        return
    now = read_tsc()
    _period = clock.duration_to_tsc(info.heartbeat.period)
    for i in range(info.heartbeat.watched_count):
        _watched[i].since = now
        _watched[i].deadline = clock.duration_to_tsc(info.heartbeat.watched[i].deadline)
    integrity.start()
    beat(now)


@metal
def beat(now: u64) -> None:
    """Give a sign of life, look for those of others, check some memory; again a period later."""
    Ptr[Pulse](info.heartbeat.pulse)[0].time.store(now, RELAXED)
    for i in range(info.heartbeat.watched_count):
        _look(i, _watched[i], now)
    integrity.check_some(info.heartbeat.checked)
    events.add(OWN, HEARTBEAT, now + _period, now)


@metal
def _look(index: u64, watched: Watched, now: u64) -> None:
    """If it is silent for too long, ask the monitors to look after it."""
    told = info.heartbeat.watched[index]
    last = Ptr[Pulse](told.pulse)[0].time.load(RELAXED)
    if last < watched.since or last > now + watched.deadline:
        last = watched.since  # that is none; clocks of two cores may differ by a little
    if last < now and now - last > watched.deadline and not watched.has_ended:
        watched.since = now
        watched.has_ended = hypercall(Hypercall.SUSPECT, told.core, 0) != 0
