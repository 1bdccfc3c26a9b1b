"""A core that is scheduled by priorities among servers, as a simulation of events.

Whoever comes first in the list of clients, has work and has something of its budget gets the core.
It keeps it until its work is done, until what it had is used up, or until something happens that
could give the core to another: a client gets work, or what it used comes back.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, inf
from typing import Protocol


class Server(Protocol):
    """What the core asks of a server; the sporadic ones and those of I/O are told apart in it."""

    def wake(self, now: int) -> None:
        """There is work again."""

    def available(self, now: int) -> int:
        """How long it can run from now on in one go."""

    def charge(self, used: int, now: int) -> None:
        """It has run for so long, until now."""

    def rest(self) -> None:
        """There is no more work."""

    @property
    def next_time(self) -> int:
        """When there is something to use."""


@dataclass
class Client:
    """A VCPU: its server, and when it gets how much work."""

    server: Server
    jobs: list[tuple[int, int]]  # (time, ticks of work), sorted
    work: int = 0  # not done yet

    def take(self, now: int) -> None:
        """Take the jobs whose time has come."""
        while self.jobs and self.jobs[0][0] <= now:
            if not self.work:
                self.server.wake(now)
            self.work += self.jobs.pop(0)[1]

    def run(self, used: int, now: int) -> None:
        """Do some work; more than there is if it notices late that it has to stop."""
        self.server.charge(used, now)
        self.work = max(0, self.work - used)
        if not self.work:
            self.server.rest()


@dataclass(frozen=True)
class Slice:
    """Who had the core from when to when, and who else wanted it and had something to use."""

    start: int
    end: int
    who: int | None
    able: frozenset[int]


def simulate(clients: list[Client], end: int, late: list[int] | None = None) -> list[Slice]:
    """What the core did until then; ``late`` are the ticks by which slices end late, in turn."""
    slices: list[Slice] = []
    now = 0
    while now < end:
        for client in clients:
            client.take(now)
        left = {i: c.server.available(now) for i, c in enumerate(clients) if c.work}
        able = frozenset(i for i in left if left[i])
        moments: list[float] = [end, *(c.jobs[0][0] for c in clients if c.jobs)]
        moments += [clients[i].server.next_time for i in left if i not in able]
        who = min(able, default=None)
        if who is not None:
            moments.append(now + min(left[who], clients[who].work))
        until = int(min(moments))
        assert until > now
        if who is not None:
            if late and until < end:
                until += late[len(slices) % len(late)]
            clients[who].run(until - now, until)
        slices.append(Slice(now, until, who, able))
        now = until
    return slices


def usage(slices: list[Slice], who: int) -> list[int]:
    """How long it has had the core by each moment."""
    total = [0]
    for each in slices:
        step = int(each.who == who)
        total += [total[-1] + step * (i + 1) for i in range(each.end - each.start)]
    return total


def most_in(window: int, budget: int, period: int, deferral: int) -> int:
    """The most that a sporadic server can use in any window of a length.

    ``deferral``: how long after its place a tick is used at most. The worst window begins with a
    budget that was deferred so long; those after it, each a period after the place of the one
    before, are used at once.
    """
    whole, part = divmod(max(0, window + deferral - period), period)
    return min(window, budget + whole * budget + min(part, budget))


def most_of_io_in(window: int, utilization: Fraction, cmax: int, deferral: int) -> Fraction:
    """The most that a server of I/O can use in any window of at least Cmax.

    It uses its share all the time in goes that are as short as can be, the last but one of which
    was deferred, and all of Cmax at the end. In a window of Cmax / U, if nothing was deferred, that
    is (2 - U) * Cmax.
    """
    return utilization * (window + deferral - cmax) + cmax


def is_below_bound(tasks: list[tuple[int, int]], utilizations: list[Fraction]) -> bool:
    """Liu and Layland's bound for main VCPUs, with what those of I/O add to it."""
    count = len(tasks)
    used = sum(Fraction(*task) for task in tasks) + sum((2 - u) * u for u in utilizations)
    return used <= count * (2 ** (1 / count) - 1)


def response_times(tasks: list[tuple[int, int]]) -> list[float]:
    """The exact worst response times of tasks (budget, period), the most urgent first.

    Joseph and Pandya 1986; infinite where it is longer than the period.
    """
    times: list[float] = []
    for i, (budget, period) in enumerate(tasks):
        response: float = budget
        while response <= period:
            needed = budget + sum(c * -floor(-response / t) for c, t in tasks[:i])
            if needed == response:
                break
            response = needed
        times.append(response if response <= period else inf)
    return times
