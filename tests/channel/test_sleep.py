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
        expected = word not in (0, rung)
        assert jit[sleep.must_ring](bell, peer) == expected
        assert not jit[sleep.must_ring](bell, peer)
        rung = word if expected else rung


@settings(deadline=None, database=None)
@given(
    before=st.integers(0, 2**64 - 7),
    turns=st.lists(st.sampled_from(["ringing", "withdrawing", "both"]), max_size=6),
)
def test_announcements_are_new_until_rung_for_or_withdrawn(
    jit: Jit, before: int, turns: list[str]
) -> None:
    own, sleeper, ringer = Area(), Bell(announced=before), Bell()
    for turn in turns:
        jit[sleep.announce_sleep](sleeper, own)
        if turn != "withdrawing":
            assert jit[sleep.must_ring](ringer, own)
            assert not jit[sleep.must_ring](ringer, own)
        if turn != "ringing":
            jit[sleep.withdraw_sleep](own)
        assert not jit[sleep.must_ring](ringer, own)
