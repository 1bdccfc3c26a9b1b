"""Who is asleep: how a side tells the other that it needs to be woken.

A side that finds nothing to do announces that it will sleep, looks once more, and sleeps. The
other side, after it has changed something, looks whether a sleep is announced, and rings the
doorbell once for each announcement. Both put a full fence between their store and their load:
with anything less, each could miss what the other has just written (store buffering), and both
would sleep for ever.

An announcement for which the doorbell was rung is spent: it need not be withdrawn, since the other
side rings for none twice and no two have the same number.
"""

from __future__ import annotations

from questv.metal.lang import RELAXED, SEQ_CST, Shared, fence, metal, u64
from questv.metal.structs import Struct


class Area(Struct):
    """The start of a side's area: what it says to the other side."""

    position: Shared[u64]  # of a ring's consumer: how far it has read, in bytes since the beginning
    asleep: Shared[u64]  # the number of the announcement that stands or is spent; 0: there is none
    place: Shared[u64]  # in which of the places that it can be in it is, if there are several


class Bell(Struct):
    """One side's private record of its own announcements, and of the other's that it rang for."""

    announced: u64  # the number of the own last announcement
    rung: u64  # the other's announcement for which the doorbell was last rung


@metal(inline=True)
def announce_sleep(bell: Bell, own: Area) -> None:
    """Say that this side is about to sleep; afterwards look once more before sleeping."""
    bell.announced += 1
    own.asleep.store(bell.announced, RELAXED)
    fence(SEQ_CST)  # the announcement before the second look


@metal(inline=True)
def withdraw_sleep(own: Area) -> None:
    """Say that this side is awake though no doorbell came."""
    own.asleep.store(0, RELAXED)


@metal(inline=True)
def must_ring(bell: Bell, peer: Area) -> bool:
    """Whether the other side sleeps and has not been rung for since it said so.

    To be asked after a change was published in the own area; a true answer is given once.
    """
    fence(SEQ_CST)  # the change before the look at who sleeps
    asleep = peer.asleep.load(RELAXED)
    if asleep == bell.rung or asleep == 0:
        return False
    bell.rung = asleep
    return True
