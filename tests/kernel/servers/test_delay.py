"""A budget that has been used elsewhere: no tick comes earlier than either account says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from questv.kernel import servers
from questv.kernel.servers import REPLENISHMENTS, SporadicServer
from questv.metal.isolate import isolated
from questv.metal.jit import Jit

from .test_sporadic import pieces

Pieces = list[tuple[int, int]]


def places(found: Pieces) -> list[int]:
    """Where each tick of a budget has its place."""
    return [time + tick for time, amount in found for tick in range(amount)]


@st.composite
def budgets(draw: st.DrawFn, budget: int) -> Pieces:
    """A budget in pieces that don't overlap."""
    found: Pieces = []
    time = draw(st.integers(0, 300))
    while budget:
        amount = budget if len(found) == REPLENISHMENTS - 1 else draw(st.integers(1, budget))
        found.append((time, amount))
        budget -= amount
        time += amount + draw(st.integers(0, 60))
    return found


def fill(server: SporadicServer, found: Pieces) -> None:
    server.time, server.amount = found[0]
    server.used = server.first = 0
    server.count = len(found) - 1
    for index, (time, amount) in enumerate(found[1:]):
        server.rest[index].time, server.rest[index].amount = time, amount


def test_no_tick_comes_early(jit: Jit) -> None:
    @settings(max_examples=300, deadline=None, database=None)
    @given(data=st.data(), budget=st.integers(1, 60), now=st.integers(0, 400))
    def check(data: st.DataObject, budget: int, now: int) -> None:
        own, theirs = data.draw(budgets(budget)), data.draw(budgets(budget))
        server = SporadicServer(budget=budget, period=1000)
        fill(server, own)
        alone = SporadicServer(budget=budget, period=1000)
        fill(alone, own)
        jit[servers.unblock](alone, now)
        kept = places(pieces(alone))
        told = SporadicServer()  # which has room for pieces
        for index, (time, amount) in enumerate(theirs):
            told.rest[index].time, told.rest[index].amount = time, amount
        jit[servers.delay](server, told.rest[0], now)
        found = places(pieces(server))
        latest = [max(pair) for pair in zip(kept, places(theirs), strict=True)]
        assert len(found) == budget == len(set(found)) and found == sorted(found)
        assert all(place >= least for place, least in zip(found, latest, strict=True))
        if len(pieces(server)) < REPLENISHMENTS:  # else gaps were closed
            assert found == latest

    isolated(check)


def test_pieces_that_are_joined_come_back_with_the_last_of_them(jit: Jit) -> None:
    @settings(max_examples=300, deadline=None, database=None)
    @given(data=st.data(), budget=st.integers(1, 60), boundary=st.integers(0, 1200))
    def check(data: st.DataObject, budget: int, boundary: int) -> None:
        found = data.draw(budgets(budget))
        server = SporadicServer(budget=budget, period=1000)
        fill(server, found)
        server.first = first = data.draw(st.integers(0, REPLENISHMENTS - 1))
        for index, (time, amount) in enumerate(found[1:]):
            place = server.rest[(first + index) % REPLENISHMENTS]
            place.time, place.amount = time, amount
        jit[servers.join](server, boundary)
        before = [piece for piece in found[1:] if piece[0] < boundary]
        after = [piece for piece in found[1:] if piece[0] >= boundary]
        wanted = [found[0]]
        for part in (before, after):
            if part:
                amount = sum(size for _, size in part)
                wanted.append((sum(part[-1]) - amount, amount))
        assert pieces(server) == wanted

    isolated(check)
