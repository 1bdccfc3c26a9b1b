"""The queue of events gives them in the order of their times."""

from __future__ import annotations

from ctypes import string_at
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from questv.kernel import queue
from questv.kernel.queue import EVENTS, NEVER, NONE, EventQueue
from questv.metal.jit import Jit
from questv.metal.structs import offsetof
from tests.channel.machines import LONG, QUICK, check

TIMES = st.one_of(st.integers(0, 20), st.integers(0, NEVER - 1), st.sampled_from([0, NEVER - 1]))


class Queue(RuleBasedStateMachine):
    """A dictionary says what is in it."""

    jit: ClassVar[Jit]

    @initialize(events=st.one_of(st.integers(1, 9), st.sampled_from([100, EVENTS])))
    def start(self, events: int) -> None:
        self.events = events
        self.queue = EventQueue()
        self.jit[queue.clear](self.queue, events)
        self.times: dict[int, int] = {}

    @rule(event=st.integers(0, EVENTS - 1), time=TIMES)
    def set(self, event: int, time: int) -> None:
        event %= self.events
        self.jit[queue.set](self.queue, event, time)
        self.times[event] = time

    @rule(first=st.integers(0, EVENTS - 1), count=st.integers(0, EVENTS), factor=TIMES)
    def set_many(self, first: int, count: int, factor: int) -> None:
        for event in range(first, first + min(count, self.events)):
            self.set(event % self.events, event * factor % NEVER)

    @rule(event=st.integers(0, EVENTS - 1))
    def remove(self, event: int) -> None:
        event %= self.events
        self.jit[queue.remove](self.queue, event)
        self.times.pop(event, None)

    @rule(number=st.integers(0, EVENTS - 1))
    def remove_one_that_is_there(self, number: int) -> None:
        if self.times:
            self.remove(sorted(self.times)[number % len(self.times)])

    @rule(now=TIMES)
    def pop(self, now: int) -> None:
        event = self.jit[queue.pop_due](self.queue, now)
        due = {e for e, time in self.times.items() if time <= now}
        if due:
            assert self.times[event] == min(self.times[e] for e in due)
            del self.times[event]
        else:
            assert event == NONE

    @rule(now=TIMES)
    def pop_all(self, now: int) -> None:
        while any(time <= now for time in self.times.values()):
            self.pop(now)
        self.pop(now)

    @invariant()
    def it_knows_the_first_and_keeps_its_order(self) -> None:
        if not hasattr(self, "queue"):
            return
        assert self.jit[queue.first_time](self.queue) == min(self.times.values(), default=NEVER)
        times = [self.times.get(event, NEVER) for event in range(EVENTS)]
        start = self.queue.host_address + offsetof(EventQueue, "winners")
        winners = memoryview(string_at(start, 4 * EVENTS)).cast("H")
        leaves = self.queue.leaves
        assert list(winners[leaves : 2 * leaves]) == list(range(leaves))
        for node in range(1, leaves):
            below = winners[2 * node], winners[2 * node + 1]
            assert winners[node] in below
            assert times[winners[node]] == min(times[event] for event in below)
        event = self.events - 1
        assert self.jit[queue.is_set](self.queue, event) == (event in self.times)


def test_events_come_in_the_order_of_their_times(jit: Jit) -> None:
    check(Queue, jit, settings(QUICK, max_examples=30))


@pytest.mark.long
def test_events_come_in_order_for_longer(jit: Jit) -> None:
    check(Queue, jit, LONG)


@pytest.mark.parametrize(("events", "leaves"), [(1, 2), (2, 2), (3, 4), (4, 4), (257, 512)])
def test_there_is_no_more_tree_than_is_needed(jit: Jit, events: int, leaves: int) -> None:
    made = EventQueue()
    jit[queue.clear](made, events)
    assert made.leaves == leaves


def test_a_whole_queue_is_sorted(jit: Jit) -> None:
    events = EventQueue()
    jit[queue.clear](events, EVENTS)
    times = [event * 7919 % 1000 for event in range(EVENTS)]
    for event, time in enumerate(times):
        jit[queue.set](events, event, time)
    found = [jit[queue.pop_due](events, NEVER - 1) for _ in range(EVENTS)]
    assert sorted(found) == list(range(EVENTS))
    assert [times[event] for event in found] == sorted(times)
    assert jit[queue.pop_due](events, NEVER - 1) == NONE
