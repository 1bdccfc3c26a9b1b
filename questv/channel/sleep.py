"""Who is asleep: how a side tells the other that it needs to be woken.

A side that finds nothing to do announces that it will sleep, looks once more, and sleeps. The
other side, after it has changed something, looks whether a sleep is announced, and rings the
doorbell once for each announcement. Both put a full fence between their store and their load:
with anything less, each could miss what the other has just written (store buffering), and both
would sleep for ever.

An announcement for which the doorbell was rung is spent: it need not be withdrawn, since the other
side rings for none twice and no two have the same number.

A side whose kernel has been restarted has a new session, a number that it never had before. Its
announcements are numbered from there on, so that none is taken for one of an earlier life, and it
begins with one, which need not be true: the other side comes to ring for it, and learns of the
restart. It then forgets for which announcement it has rung, which an earlier life may have chosen.
"""

from __future__ import annotations

from questv.metal.lang import ACQUIRE, RELAXED, RELEASE, SEQ_CST, Shared, fence, metal, u64
from questv.metal.structs import Struct

NOBODY = 1
"""Instead of a session: none is odd."""


class Area(Struct):
    """The start of a side's area: what it says to the other side."""

    position: Shared[u64]  # of a ring's consumer: how far it has read, in bytes since the beginning
    asleep: Shared[u64]  # the number of the announcement that stands or is spent; 0: there is none
    place: Shared[u64]  # in which of the places that it can be in it is, if there are several
    session: Shared[u64]  # of this side's life, 0 for the first one
    accepted: Shared[u64]  # of a ring: the other side's session that this side is set up for


class Bell(Struct):
    """One side's private record of its own announcements, and of the other's that it rang for."""

    announced: u64  # the number of the own last announcement
    rung: u64  # the other's announcement for which the doorbell was last rung
    known: u64  # the other's session, as far as known


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
    # Acquire: the announcement before what the other side has said of itself before it.
    asleep = peer.asleep.load(ACQUIRE)
    if asleep == bell.rung or asleep == 0:
        return False
    bell.rung = asleep
    return True


# ---- restarts --------------------------------------------------------------------------------


@metal
def begin_session(own: Area, session: u64) -> None:
    """Say, before all else, that this side has been restarted, whatever stands in its area."""
    own.accepted.store(NOBODY, RELAXED)
    # Release: all that the earlier life has done, and the line above, before the session.
    own.session.store(session, RELEASE)


@metal
def introduce(bell: Bell, own: Area, peer: Area, session: u64) -> None:
    """Have the other side ring after its next change; this side is set up now.

    Afterwards ring the other side's doorbell once, whether it sleeps or not: it may sleep for an
    announcement of which this life knows nothing.
    """
    known = peer.session.load(RELAXED)
    bell.known = known
    bell.announced = session + 1
    # Release: all that this side has set up, before the announcement.
    own.asleep.store(bell.announced, RELEASE)
    fence(SEQ_CST)  # and before the doorbell


@metal(inline=True)
def is_known(bell: Bell, peer: Area) -> bool:
    """Whether the other side lives the life that it did; to be asked when it ``must_ring``."""
    session = peer.session.load(RELAXED)
    return session == bell.known


@metal
def notice_restart(bell: Bell, peer: Area) -> bool:
    """If the other side has been restarted since the last look, go by its new session."""
    session = peer.session.load(RELAXED)
    if session == bell.known:
        return False
    bell.known = session
    bell.rung = 0
    return True
