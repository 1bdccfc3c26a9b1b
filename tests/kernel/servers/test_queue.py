"""The queue of events gives them in the order of their times."""

from __future__ import annotations

from ctypes import string_at
from struct import iter_unpack
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from questv.kernel import queue
from questv.kernel.queue import EVENTS, NEVER, EventQueue
from questv.metal.jit import Jit
from questv.metal.structs import offsetof
from tests.channel.machines import LONG, check

TIMES = st.one_of(st.integers(0, 20), st.integers(0, 2**64 - 1), st.sampled_from([0, NEVER]))


class Queue(RuleBasedStateMachine):
    """A dictionary says what is in it."""

    jit: ClassVar[Jit]

    @initialize(events=st.one_of(st.integers(1, 6), st.just(EVENTS)))
    def start(self, events: int) -> None:
        self.events = events
        self.queue = EventQueue()
        self.jit[queue.clear](self.queue)
        self.times: dict[int, int] = {}

    @rule(event=st.integers(0, EVENTS - 1), time=TIMES)
    def set(self, event: int, time: int) -> None:
        event %= self.events
        self.jit[queue.set](self.queue, event, time)
        self.times[event] = time

    @rule(first=st.integers(0, EVENTS - 1), count=st.integers(0, EVENTS), factor=TIMES)
    def set_many(self, first: int, count: int, factor: int) -> None:
        for event in range(first, first + min(count, self.events)):
            self.set(event, event * factor % 2**64)

    @rule(event=st.integers(0, EVENTS - 1))
    def remove(self, event: int) -> None:
        event %= self.events
        self.jit[queue.remove](self.queue, event)
        self.times.pop(event, None)

    @rule(number=st.integers(0, EVENTS - 1))
    def remove_one_that_is_there(self, number: int) -> None:
        if self.times:
            self.remove(sorted(self.times)[number % len(self.times)])

    @precondition(lambda self: self.times)
    @rule()
    def pop(self) -> None:
        event = self.jit[queue.pop](self.queue)
        earliest = min(self.times.values())
        assert self.times.pop(event) == earliest

    @rule(now=TIMES)
    def pop_all_due(self, now: int) -> None:
        while any(time <= now for time in self.times.values()):
            self.pop()

    @invariant()
    def it_knows_the_first_and_keeps_its_order(self) -> None:
        if not hasattr(self, "queue"):
            return
        assert self.jit[queue.first_time](self.queue) == min(self.times.values(), default=NEVER)
        count = self.queue.count
        assert count == len(self.times)
        start = self.queue.host_address + offsetof(EventQueue, "slots")
        slots = list(iter_unpack("QQ", string_at(start, 16 * (count + 2))))
        assert {event: time for time, event in slots[1 : count + 1]} == self.times
        assert slots[0][0] == 0 and slots[count + 1][0] == NEVER
        for place in range(1, count + 1):
            assert slots[place // 2][0] <= slots[place][0]
        places = {slots[place][1]: place for place in range(1, count + 1)}
        start = self.queue.host_address + offsetof(EventQueue, "places")
        found = memoryview(string_at(start, 2 * EVENTS)).cast("H")
        assert list(found) == [places.get(event, 0) for event in range(EVENTS)]
        event = self.events - 1
        assert self.jit[queue.is_set](self.queue, event) == (event in self.times)


def test_events_come_in_the_order_of_their_times(jit: Jit) -> None:
    check(Queue, jit)


@pytest.mark.long
def test_events_come_in_order_for_longer(jit: Jit) -> None:
    check(Queue, jit, LONG)


def test_a_whole_queue_is_sorted(jit: Jit) -> None:
    events = EventQueue()
    jit[queue.clear](events)
    times = [event * 7919 % 1000 for event in range(EVENTS)]
    for event, time in enumerate(times):
        jit[queue.set](events, event, time)
    found = [jit[queue.pop](events) for _ in range(EVENTS)]
    assert sorted(found) == list(range(EVENTS))
    assert [times[event] for event in found] == sorted(times)
    assert jit[queue.first_time](events) == NEVER
