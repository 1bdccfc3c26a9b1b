"""Servers as the simulation of a core uses them: the models, and the kernel's own code."""

from __future__ import annotations

from fractions import Fraction

from questv.kernel import io_servers, servers
from questv.kernel.io_servers import ONE, IoServer
from questv.kernel.servers import SporadicServer
from questv.metal.jit import Jit
from tests.kernel.models.sporadic import Sporadic


class SporadicModel:
    """The model of a sporadic server, and how long after its place a tick was used at most."""

    def __init__(self, budget: int, period: int) -> None:
        self.model = Sporadic(budget, period, 0)
        self.deferral = 0
        self.wake = self.model.unblock
        self.available = self.model.available

    def charge(self, used: int, now: int) -> None:
        for time in range(now - used, now):
            self.deferral = max(self.deferral, time - self.model.next_time)
            self.model.charge(1)

    def rest(self) -> None:
        pass

    @property
    def next_time(self) -> int:
        return self.model.next_time


class SporadicMetal:
    """The kernel's sporadic server."""

    def __init__(self, jit: Jit, budget: int, period: int) -> None:
        self.jit, self.server = jit, SporadicServer()
        jit[servers.start](self.server, budget, period, 0)

    def wake(self, now: int) -> None:
        self.jit[servers.unblock](self.server, now)

    def available(self, now: int) -> int:
        usable: int = self.jit[servers.available](self.server, now)
        return usable

    def charge(self, used: int, now: int) -> None:
        self.jit[servers.charge](self.server, used)

    def rest(self) -> None:
        pass

    @property
    def next_time(self) -> int:
        time: int = self.jit[servers.next_time](self.server)
        return time


class IoMetal:
    """The kernel's server of I/O, and how late it used a tick of a go at most."""

    def __init__(self, jit: Jit, utilization: Fraction, cmax: int) -> None:
        self.jit, self.server, self.cmax = jit, IoServer(), cmax
        self.deferral = 0
        jit[io_servers.start](self.server, int(utilization * ONE), 0)

    def wake(self, now: int) -> None:
        self.jit[io_servers.begin](self.server, self.cmax, now)

    def available(self, now: int) -> int:
        usable: int = self.jit[io_servers.available](self.server, now)
        return usable

    def charge(self, used: int, now: int) -> None:
        place = self.server.time + self.server.used
        self.deferral = max(self.deferral, now - used - place)
        self.jit[io_servers.charge](self.server, used)
        if not self.available(now):
            self.rest()
            self.wake(now)

    def rest(self) -> None:
        self.jit[io_servers.end](self.server)

    @property
    def next_time(self) -> int:
        time: int = self.jit[io_servers.next_time](self.server)
        return time
