"""Sporadic servers do what their definition says, tick by tick."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from questv.kernel import servers
from questv.kernel.servers import REPLENISHMENTS, SporadicServer
from questv.metal.jit import Jit
from tests.channel.machines import LONG, check
from tests.kernel.models.sporadic import PIECES, Sporadic

LATEST = 2**61


def pieces(server: SporadicServer) -> list[tuple[int, int]]:
    """The replenishments as (time, amount), the head first."""
    rest = [server.rest[(server.first + i) % REPLENISHMENTS] for i in range(server.count)]
    return [(server.time, server.amount), *((piece.time, piece.amount) for piece in rest)]


def ticks(server: SporadicServer, scale: int) -> list[int]:
    """Where each tick can be used next, if a tick of the model is ``scale`` of the server."""
    assert not server.used % scale
    places = []
    for time, amount in pieces(server):
        assert not time % scale and not amount % scale
        places += range(time // scale, (time + amount) // scale)
    used = server.used // scale
    period = server.period // scale
    return places[used:] + [place + period for place in places[:used]]


class Server(RuleBasedStateMachine):
    """A server next to its model, whose ticks are some powers of two of its own."""

    jit: ClassVar[Jit]

    @initialize(
        budget=st.integers(1, 100),
        idle=st.one_of(st.integers(0, 300), st.just(2**40)),
        scale=st.sampled_from([1, 1, 2**12]),
        start=st.one_of(st.integers(0, 1000), st.integers(0, LATEST >> 12)),
    )
    def start(self, budget: int, idle: int, scale: int, start: int) -> None:
        self.scale = scale
        self.period = budget + idle
        self.now = max(start, self.period)
        self.model = Sporadic(budget, self.period, self.now)
        self.server = SporadicServer()
        self.call(servers.start, budget, self.period, self.now)

    def call(self, function: object, *arguments: int) -> int:
        result: int = self.jit[function](self.server, *(self.scale * x for x in arguments))
        return result

    @rule(passed=st.one_of(st.integers(0, 20), st.integers(0, 800)))
    def let_time_pass(self, passed: int) -> None:
        self.now += passed

    @rule(share=st.floats(0, 1))
    def let_some_periods_pass(self, share: float) -> None:
        self.now += int(2 * self.period * share)

    @rule()
    def ask(self) -> None:
        assert self.call(servers.available, self.now) == self.scale * self.model.available(self.now)

    @rule(share=st.floats(0, 1))
    def run(self, share: float) -> None:
        """As a kernel does: no more than there is."""
        self.ask()
        used = int(share * self.model.available(self.now))
        self.charge(used)
        self.now += used

    def charge(self, used: int) -> None:
        self.call(servers.charge, used)
        self.model.charge(used)

    @rule(used=st.integers(0, 5))
    def overrun(self, used: int) -> None:
        self.charge(used)
        self.now += used

    @rule(used=st.integers(0, 1000))
    def overrun_by_far(self, used: int) -> None:
        self.charge(used)
        self.now += used

    @rule(passed=st.integers(0, 30))
    def wake(self, passed: int) -> None:
        self.now += passed
        self.call(servers.unblock, self.now)
        self.model.unblock(self.now)

    @rule(times=st.integers(1, 2 * REPLENISHMENTS))
    def stutter(self, times: int) -> None:
        """Run for a tick, wait for another, and so on: the list gets full."""
        for _ in range(times):
            self.overrun(1)
            self.wake(2)

    @precondition(lambda self: len(self.model.places) < self.period)
    @rule(share=st.floats(0, 0.5))
    def enlarge(self, share: float) -> None:
        extra = int(share * (self.period - len(self.model.places)))
        if extra > 200:
            return
        self.call(servers.enlarge, extra, self.now)
        self.model.enlarge(extra, self.now)

    @rule(budget=st.integers(1, 100))
    def restart(self, budget: int) -> None:
        if budget <= self.period:
            self.call(servers.restart, budget, self.now)
            self.model.restart(budget, self.now)

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "server"):
            return
        found = pieces(self.server)
        assert len(found) <= REPLENISHMENTS == PIECES
        assert self.server.used < self.server.amount
        assert sum(amount for _, amount in found) == self.server.budget
        for (time, amount), (later, _) in zip(found, found[1:], strict=False):
            assert time + amount <= later
        assert found[-1][0] <= self.server.time + self.server.period
        assert ticks(self.server, self.scale) == self.model.ticks
        assert self.call(servers.next_time) == self.scale * self.model.next_time
        eligible = self.jit[servers.is_eligible](self.server, self.scale * self.now)
        assert eligible == (self.model.next_time <= self.now)


def test_a_server_is_as_defined(jit: Jit) -> None:
    check(Server, jit)


@pytest.mark.long
def test_a_server_is_as_defined_for_longer(jit: Jit) -> None:
    check(Server, jit, LONG)
