"""Sporadic servers do what their definition says, tick by tick."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
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
        budget=st.one_of(st.integers(1, 10), st.integers(1, 100)),
        idle=st.one_of(st.integers(0, 20), st.integers(0, 300), st.just(2**40)),
        scale=st.sampled_from([1, 1, 2**12]),
        start=st.one_of(st.integers(0, 1000), st.integers(0, LATEST >> 12)),
    )
    def start(self, budget: int, idle: int, scale: int, start: int) -> None:
        self.scale = scale
        self.period = budget + idle
        self.now = max(start, self.period)
        self.enlarged = False
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

    @rule(
        off=st.integers(-1, 1),
        index=st.one_of(st.just(0), st.integers(0, 200)),
        later=st.booleans(),
    )
    def let_a_tick_come(self, off: int, index: int, later: bool) -> None:
        """To the moment when a tick can be used, or one period later, or almost."""
        place = self.model.ticks[index % len(self.model.places)] + later * self.period
        self.now = max(self.now, place + off)

    @rule(off=st.integers(-1, 1))
    def let_what_is_used_come_back(self, off: int) -> None:
        """To the moment from when on the whole budget can be used in one go, or almost."""
        index = len(self.model.places) - self.model.used
        self.now = max(self.now, self.model.places[0] + self.period - index + off)

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
        budgets = 1 + used // len(self.model.places)
        if self.scale * (self.model.places[-1] + budgets * self.period) < LATEST:
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
        self.enlarged = True  # it can need a piece more
        self.call(servers.enlarge, extra, self.now)
        self.model.enlarge(extra, self.now)

    @precondition(lambda self: len(self.model.places) > 1)
    @rule(less=st.integers(1, 100))
    def shrink(self, less: int) -> None:
        less = min(less, len(self.model.places) - 1)
        self.call(servers.shrink, less)
        self.model.shrink(less)

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
        assert len(found) <= REPLENISHMENTS + self.enlarged
        assert REPLENISHMENTS == PIECES
        assert self.server.used < self.server.amount
        assert sum(amount for _, amount in found) == self.server.budget
        for (time, amount), (later, _) in pairwise(found):
            assert time + amount <= later
        assert found[-1][0] <= self.server.time + self.server.period
        assert ticks(self.server, self.scale) == self.model.ticks
        assert self.call(servers.next_time) == self.scale * self.model.next_time


def test_a_server_is_as_defined(jit: Jit) -> None:
    check(Server, jit)


@pytest.mark.long
def test_a_server_is_as_defined_for_longer(jit: Jit) -> None:
    check(Server, jit, LONG)


class Small:
    """A server of so many ticks each 100, from time 0 on, and what can be asked of it."""

    def __init__(self, jit: Jit, budget: int = 10) -> None:
        self.jit, self.server = jit, SporadicServer()
        jit[servers.start](self.server, budget, 100, 0)

    def __getattr__(self, name: str) -> Callable[..., int]:
        function = self.jit[getattr(servers, name)]
        return lambda *arguments: function(self.server, *arguments)

    @property
    def pieces(self) -> list[tuple[int, int]]:
        return pieces(self.server)


def test_a_budget_comes_back_a_period_after_it_could_be_used(jit: Jit) -> None:
    server = Small(jit)
    assert server.available(30) == 10
    server.charge(10)
    assert server.pieces == [(100, 10)]
    assert server.available(99) == 0
    assert server.available(100) == 10


def test_a_task_that_is_woken_each_period_finds_its_whole_budget(jit: Jit) -> None:
    server = Small(jit)
    server.charge(4)
    server.unblock(100)
    assert server.pieces == [(100, 10)]
    assert server.server.used == 0


def test_what_was_used_before_a_wait_comes_back_alone(jit: Jit) -> None:
    server = Small(jit)
    server.charge(4)
    server.unblock(50)
    assert server.pieces == [(50, 6), (100, 4)]
    assert [server.available(now) for now in (50, 93, 94, 100)] == [6, 6, 10, 10]
    server.charge(10)
    assert server.pieces == [(150, 6), (200, 4)]


@pytest.mark.parametrize("before", [[], [50]])
def test_pieces_are_joined_only_where_the_second_is_not_early(jit: Jit, before: list[int]) -> None:
    for woken, joined in ((93, [(93, 6), (100, 4)]), (94, [(94, 10)])):
        server = Small(jit)
        server.charge(4)
        for now in (*before, woken):
            server.unblock(now)
        assert server.pieces == joined


def test_what_is_used_later_in_one_go_is_one_piece(jit: Jit) -> None:
    server = Small(jit)
    for _ in range(3):
        server.charge(2)
        server.unblock(0)
    assert server.pieces == [(6, 4), (100, 6)]


def test_nobody_makes_up_for_a_whole_period(jit: Jit) -> None:
    for late, begins in ((99, 0), (100, 100), (999, 999)):
        server = Small(jit)
        assert server.available(late) == 10
        server.charge(10)
        assert server.pieces == [(begins + 100, 10)]


def test_an_overrun_is_taken_from_the_next_budget(jit: Jit) -> None:
    server = Small(jit)
    server.charge(13)
    assert [server.available(now) for now in (100, 102, 103)] == [0, 0, 7]
    server.charge(7)
    assert server.pieces == [(200, 10)]


def test_an_overrun_of_several_budgets_takes_all_of_them(jit: Jit) -> None:
    server = Small(jit)
    server.charge(4)
    server.unblock(50)
    server.charge(6 + 30 + 1)
    assert server.pieces == [(400, 4), (450, 6)]
    assert server.next_time() == 401


def test_a_full_list_delays_its_last_piece_until_the_next(jit: Jit) -> None:
    server = Small(jit, budget=30)
    times = range(0, 45, 3)
    for time in times:
        server.unblock(time)
        server.charge(1)
    server.unblock(45)
    back = [(time + 100, 1) for time in times]
    assert server.pieces == [(45, 15), *back]
    server.charge(5)
    server.unblock(60)
    assert server.pieces == [(60, 10), *back[:-1], (144, 6)]
    server.charge(10)
    assert server.pieces == [*back[:-1], (144, 6), (160, 10)]


def test_a_full_list_has_room_for_a_larger_budget(jit: Jit) -> None:
    server = Small(jit, budget=16)
    for time in range(0, 45, 3):
        server.unblock(time)
        server.charge(1)
    server.unblock(45)
    server.charge(1)
    server.enlarge(2, 46)
    back = [(time + 100, 1) for time in range(0, 48, 3)]
    assert server.pieces == [(46, 2), *back]
    server.charge(2)
    assert server.pieces == [*back[:-1], (145, 3)]
    server.enlarge(2, 48)
    server.unblock(50)
    server.charge(1)
    server.unblock(60)
    assert server.pieces == [(60, 1), *back[:-1], (147, 4)]


@pytest.mark.parametrize("used", [4, 10])
def test_a_larger_budget_counts_for_what_is_under_way(jit: Jit, used: int) -> None:
    server = Small(jit)
    server.charge(used)
    server.enlarge(5, 20)
    assert server.available(20) == 15 - used
    server.charge(15 - used)
    assert server.available(99) == 0
    assert server.available(100) == 15
    server.unblock(101)
    assert server.pieces == [(101, 15)]


def test_a_larger_budget_first_pays_for_the_overrun(jit: Jit) -> None:
    for overrun, left, next in ((3, 2, 13), (5, 0, 100), (7, 0, 102)):
        server = Small(jit)
        server.charge(10 + overrun)
        server.enlarge(5, 20)
        assert server.available(20) == left
        assert server.next_time() == next


def test_a_larger_budget_comes_back_in_one_piece(jit: Jit) -> None:
    server = Small(jit)
    server.charge(10)
    server.enlarge(5, 20)
    server.charge(5 + 3)
    assert server.pieces == [(100, 15)]
    assert server.next_time() == 103


def test_a_larger_budget_joins_what_it_reaches(jit: Jit) -> None:
    for extra, expected in ((37, [(50, 43), (100, 4)]), (44, [(50, 54)])):
        server = Small(jit)
        server.charge(4)
        server.unblock(50)
        server.enlarge(extra, 50)
        assert server.available(50) == 6 + extra + 4 * (extra == 44)
        assert server.pieces == expected


def test_a_larger_budget_goes_with_what_was_used_last(jit: Jit) -> None:
    server = Small(jit)
    server.charge(4)
    server.unblock(50)
    server.charge(6)
    server.enlarge(5, 60)
    assert server.available(60) == 5
    server.charge(5)
    assert server.pieces == [(100, 4), (150, 11)]


def test_a_server_can_begin_afresh(jit: Jit) -> None:
    server = Small(jit)
    server.charge(4)
    server.unblock(50)
    server.restart(7, 60)
    assert server.pieces == [(60, 7)]
    assert server.available(60) == 7
    server.charge(7)
    assert server.pieces == [(160, 7)]
