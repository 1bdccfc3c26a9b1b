"""The doorbell is rung once for each announced sleep, whatever the other side says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from questv.channel import sleep
from questv.channel.sleep import Area, Bell
from questv.metal.jit import Jit

WORDS = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1))


@settings(deadline=None, database=None)
@given(said=st.lists(WORDS, max_size=30))
def test_one_ring_for_each_announcement(jit: Jit, said: list[int]) -> None:
    bell, peer, rung = Bell(), Area(), 0
    for word in said:
        peer.asleep.store(word)
        expected = word % 2 == 1 and word != rung
        assert jit[sleep.must_ring](bell, peer) == expected
        assert not jit[sleep.must_ring](bell, peer)
        rung = word if expected else rung


@settings(deadline=None, database=None)
@given(start=st.integers(0, 2**63 - 1), turns=st.integers(1, 5))
def test_announcements_are_odd_and_new(jit: Jit, start: int, turns: int) -> None:
    """Also when the count goes over its end: an even start stays even."""
    for before in (2 * start, 2**64 - 2 * turns):
        own, ringer = Area(), Bell()
        sleeper = Bell(announced=before)
        for _ in range(turns):
            jit[sleep.announce_sleep](sleeper, own)
            assert jit[sleep.must_ring](ringer, own)
            jit[sleep.end_sleep](sleeper, own)
            assert not jit[sleep.must_ring](ringer, own)
