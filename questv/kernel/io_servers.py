"""Priority inheritance bandwidth-preserving servers: what I/O VCPUs run on.

E. Missimer, K. Missler, R. West, "Mixed-Criticality Scheduling with I/O", ECRTS 2016. A server has
a share of the core, its utilization U, and no period of its own: it works for tasks, one after the
other, with the urgency of each. While it works for one whose VCPU has the period T it can use
Cmax = T * U in one go; after ``used`` ticks the next go begins ``used / U`` after this one did, at
the earliest. Instead of a list of replenishments that makes one.

Times and ticks are those of one clock, below 2**62, and the caller's; nothing here reads it.
"""

from __future__ import annotations

from questv.metal.lang import metal, multiply_high, u64
from questv.metal.structs import Struct

ONE = 1 << 32
"""The utilization of a server that can have the core to itself."""


class IoServer(Struct):
    """The share of an I/O VCPU. A go lasts from ``begin`` to ``end``."""

    time: u64  # when the go could begin, or the next one can
    used: u64  # ticks of this go
    cmax: u64  # ticks that this go can use
    inverse: u64  # 1 / utilization as a fraction of 2**32, rounded up


@metal
def start(server: IoServer, utilization: u64, now: u64) -> None:
    """Begin with a share of the core, a fraction of 2**32 from 2 to ``ONE``, usable from now on."""
    server.time = now
    server.used = 0
    server.cmax = 0
    server.inverse = u64.MAX // utilization + 1


@metal(inline=True)
def begin(server: IoServer, cmax: u64, now: u64) -> None:
    """There is work for a task with this Cmax from now on; no go is under way."""
    server.time = max(server.time, now)
    server.cmax = cmax


@metal(inline=True)
def next_time(server: IoServer) -> u64:
    """When the go that has begun can use something, or the next one could: perhaps the past."""
    return server.time


@metal(inline=True)
def available(server: IoServer, now: u64) -> u64:
    """How many ticks this go can use from now on; 0 if it is too early or all are used."""
    if now < server.time or server.used >= server.cmax:
        return 0
    return server.cmax - server.used


@metal(inline=True)
def charge(server: IoServer, used: u64) -> None:
    """It has run for so many ticks more."""
    server.used += used


@metal(inline=True)
def end(server: IoServer) -> None:
    """The work is done, or Cmax is used up: the next go can begin when the use is balanced."""
    server.time += _balance(server.used, server.inverse)
    server.used = 0


@metal(inline=True)
def _balance(used: u64, inverse: u64) -> u64:
    """``used`` divided by the utilization, rounded up. The result is below 2**62."""
    fraction = used * inverse
    whole = multiply_high(used, inverse) << 32 | fraction >> 32
    return whole + u64(fraction & (ONE - 1) != 0)
