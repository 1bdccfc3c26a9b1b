"""A lossless ring of messages of any size, with one producer and one consumer.

The producer's area holds the ring: each message is a header of 8 bytes, the first four of which say
what it takes with its header, then its bytes, padded to 8. A message never wraps around the end;
where it would, a header of ``SKIP`` leads to the start. Where the next message will stand there is
an empty header, 0, until the message is complete.

A ring of some size takes every message of up to half of it that comes to no more than its size
together with what has not been read. No message wraps, so for that it has half as much again.

The consumer's area holds its position: bytes since the beginning, which never go back.

A producer that lies or scribbles can make the consumer find nonsense, or nothing, in the ring; a
consumer that lies can make the producer see a full ring. Neither can make the other read or write
outside it.

When the kernel of one side is restarted, it knows nothing of the ring any more, and what stands in
its area is whatever an earlier life has left there. It has a new session, which its area says, and
the two agree on a new start:

- The consumer *accepts* the producer's session once it finds no message of the earlier one: its
  position is 0 again, and it finds nothing until the ring is started.
- The producer *starts* the ring for a session of the consumer that has accepted its own: it is
  empty, and the next message will stand at its beginning. It has no room until then.
- The consumer reads on, from the beginning, when the producer has started the ring for its session.

So what a producer has sent before its restart is received in order, and before what it sends
afterwards. What a consumer has not read before its restart, or what is sent until the producer
learns of it, is lost: no message is received twice, as one that has stopped its receiver would stop
it again. All sessions are 0 at first, and both sides set up for that.
"""

from __future__ import annotations

from questv.channel.sleep import NOBODY, Area
from questv.metal.lang import (
    ACQUIRE,
    RELAXED,
    RELEASE,
    Ptr,
    Shared,
    addr,
    metal,
    u8,
    u32,
    u64,
)
from questv.metal.structs import Struct, sizeof

HEADER = 8
SKIP = 0xFFFF_FFFF
DATA_OFFSET = 64
"""Where the ring starts in the producer's area: on the next cache line."""

_LONGEST = 1 << 31
"""No message is longer in any ring; what is not can be added to an address."""


class Header(Struct):
    """What stands before each message."""

    taken: Shared[u32]  # bytes of the message and its header; less than ``HEADER``: none is there
    reserved: u32


assert sizeof(Header) == HEADER


class Producer(Struct):
    """The producer's private state; ``cursor`` and ``origin`` start as ``data``.

    ``size`` is a multiple of 16 of at least 64. An address less ``origin`` is a position.
    """

    own: Ptr[Area]
    peer: Ptr[Area]
    data: u64  # address of the ring
    end: u64  # address behind it
    size: u64  # bytes that it always takes
    cursor: u64  # address of the next message's header
    limit: u64  # address that messages from there on may reach to, as far as known
    origin: u64
    head: u64  # the position to which the consumer was last seen to have read
    taken: u64  # bytes of the message that is reserved, and its header
    next: u64  # address of the header after it
    violations: u64  # times that the consumer said what can't be
    session: u64  # the own one
    joined: u64  # the consumer's session for which the ring was started


class Consumer(Struct):
    """The consumer's private state; ``cursor``, ``next`` and ``origin`` start as ``data``."""

    own: Ptr[Area]
    peer: Ptr[Area]
    data: u64
    end: u64
    cursor: u64  # address of the next message's header
    origin: u64
    taken: u64  # bytes of the message that was found, and its header
    next: u64  # address of the header after it
    violations: u64  # times that the producer said what can't be
    session: u64  # the own one
    joined: u64  # the producer's session; ``NOBODY`` until it has started the ring
    is_last_lap: bool  # when it skipped to the start, the producer had been restarted
    nothing: u64  # an empty header, to which ``cursor`` leads until the ring is started


@metal(inline=True)
def memory_size(size: u64) -> u64:
    """Bytes of memory that a ring has which takes ``size`` bytes."""
    return size + size // 2 + HEADER


def area_size(size: int) -> int:
    """Bytes of the producer's area for a ring that takes ``size`` bytes."""
    return DATA_OFFSET + size + size // 2 + HEADER


@metal(inline=True)
def largest_message(size: u64) -> u64:
    """The longest message that a ring of ``size`` bytes can always take in the end."""
    return size // 2 - HEADER


@metal(inline=True)
def _after(header: u64, taken: u64) -> u64:
    """The address of the header that follows the one at an address."""
    return header + (taken + 7 & ~u64(7))


@metal(inline=True)
def _header(at: u64) -> Header:
    return Ptr[Header](at)[0]


# ---- the producer ----------------------------------------------------------------------------


@metal(inline=True)
def has_room(ring: Producer, length: u64) -> bool:
    """Whether there is room for a message of ``length`` bytes, as far as the consumer has read.

    There never is if ``length`` is more than ``largest_message``.
    """
    if length <= _LONGEST and _after(ring.cursor, length + HEADER) <= ring.limit:
        return True
    return _make_room(ring, length)


@metal(inline=True)
def take_room(ring: Producer, length: u64) -> Ptr[u8]:
    """The room that there is for a message of ``length`` bytes.

    It is this side's to fill until ``commit``; taking room again without it starts anew.
    """
    ring.taken = length + HEADER
    ring.next = _after(ring.cursor, length + HEADER)
    return Ptr[u8](ring.cursor + HEADER)


@metal(inline=True)
def reserve(ring: Producer, length: u64) -> Ptr[u8]:
    """Room for a message of ``length`` bytes, or null if there is none now."""
    if not has_room(ring, length):
        return Ptr[u8](0)
    return take_room(ring, length)


@metal
def _make_room(ring: Producer, length: u64) -> bool:
    """Ask how far the consumer has read, and skip to the ring's start if need be."""
    if length > largest_message(ring.size):
        return False
    if not _refresh_head(ring):
        return False
    needed = _after(0, length + HEADER)
    memory = ring.end - ring.data
    free = memory - (ring.cursor - ring.origin - ring.head)
    to_end = ring.end - ring.cursor
    # After each message there has to be room for an empty header.
    if needed + HEADER > to_end and free >= to_end + needed + HEADER:
        # Release: the empty header at the start before the one that leads there.
        _header(ring.data).taken.store(0, RELAXED)
        _header(ring.cursor).taken.store(SKIP, RELEASE)
        ring.cursor = ring.data
        ring.origin -= memory
        free -= to_end
        to_end = memory
    # With half the size at most, no message is taken that would not fit elsewhere.
    room = min(max(min(free, to_end), HEADER) - HEADER, ring.size // 2)
    ring.limit = ring.cursor + room
    return needed <= room


@metal
def _refresh_head(ring: Producer) -> bool:
    """Learn how far the consumer has read; it can only have gone forward, and not past the end.

    False if it has been restarted, and the ring can't be started yet.
    """
    # Acquire: its reads of the bytes that it frees come before our writes over them; and a later
    # life's position comes with its session.
    head = ring.peer[0].position.load(ACQUIRE)
    session = ring.peer[0].session.load(RELAXED)
    if session != ring.joined:
        return start_if_accepted(ring)
    if head - ring.head <= ring.cursor - ring.origin - ring.head:
        ring.head = head
    else:
        ring.violations += 1
    return True


@metal
def restart_producer(ring: Producer, session: u64) -> None:
    """Begin a later life, after ``begin_session``: there is no room until the ring is started."""
    ring.session = session
    ring.joined = NOBODY


@metal
def start_if_accepted(ring: Producer) -> bool:
    """If the consumer has another session, start the ring for it, unless it is too early.

    Room that was taken and not committed is lost then.
    """
    peer = ring.peer[0]
    # Acquire: what it accepts, it has to have said in this session.
    session = peer.session.load(ACQUIRE)
    if session == ring.joined:
        return True
    ring.limit = 0
    # Acquire: its last reads of the ring, and its position, before what we write.
    accepted = peer.accepted.load(ACQUIRE)
    if accepted != ring.session:
        return False
    _header(ring.data).taken.store(0, RELAXED)
    ring.cursor = ring.data
    ring.origin = ring.data
    ring.head = 0
    ring.joined = session
    # Release: the empty header before the ring is started.
    ring.own[0].accepted.store(session, RELEASE)
    return True


@metal(inline=True)
def commit(ring: Producer) -> None:
    """Hand the message over for which room was taken."""
    cursor = ring.cursor
    next = ring.next
    taken = u32.wrap(ring.taken)
    ring.cursor = next
    # Release: the message's bytes, and the empty header after it, before its own.
    _header(next).taken.store(0, RELAXED)
    _header(cursor).taken.store(taken, RELEASE)


# ---- the consumer ----------------------------------------------------------------------------


@metal(inline=True)
def has_message(ring: Consumer) -> bool:
    """Look whether there is a message; what can't be one is none."""
    # Acquire: the header before the bytes that it says are there.
    cursor = ring.cursor
    found = _header(cursor).taken.load(ACQUIRE)
    if found < HEADER:
        return False
    next = _after(cursor, u64(found))
    if next >= ring.end:
        return _has_message_at_start(ring, found)
    ring.taken = u64(found)
    ring.next = next
    return True


@metal
def _has_message_at_start(ring: Consumer, misfit: u32) -> bool:
    """The same where a header does not fit: it leads to the start, or is a lie."""
    if misfit == SKIP and ring.cursor != ring.data and not _is_over(ring):
        ring.cursor = ring.data
        ring.next = ring.data
        ring.origin -= ring.end - ring.data
        found = _header(ring.data).taken.load(ACQUIRE)
        if found < HEADER:
            return False
        next = _after(ring.data, u64(found))
        if next < ring.end:
            ring.taken = u64(found)
            ring.next = next
            return True
    ring.violations += 1
    return False


@metal
def _is_over(ring: Consumer) -> bool:
    """Whether the last lap is over: what a restarted producer has left is less than a whole one.

    Else what an earlier life has left could lead in a circle for ever.
    """
    was_last_lap = ring.is_last_lap
    ring.is_last_lap = is_apart(ring)
    return was_last_lap and ring.is_last_lap


@metal(inline=True)
def is_apart(ring: Consumer) -> bool:
    """Whether the producer has another session, or has not started the ring: see ``join``."""
    session = ring.peer[0].session.load(RELAXED)
    return session != ring.joined


@metal
def restart_consumer(ring: Consumer, session: u64) -> None:
    """Begin a later life, after ``begin_session``."""
    ring.session = session
    _leave(ring)
    join(ring)


@metal
def _leave(ring: Consumer) -> None:
    """Find no message from here on."""
    ring.cursor = addr(ring.nothing)
    ring.next = ring.data
    ring.origin = ring.data
    ring.joined = NOBODY
    ring.is_last_lap = False
    # Release: the session before a position that only makes sense with it.
    ring.own[0].position.store(0, RELEASE)


@metal
def join(ring: Consumer) -> bool:
    """Go on towards reading what a producer sends from which this side ``is_apart``.

    True if there is something to tell it: its session has just been accepted.
    """
    # Acquire: what the earlier life has sent, and that the ring was not started since.
    session = ring.peer[0].session.load(ACQUIRE)
    if session == ring.joined or has_message(ring):
        return False
    own = ring.own[0]
    accepted = own.accepted.load(RELAXED)
    if accepted != session:
        _leave(ring)
        # Release: our last reads of the ring, and the position, before the producer starts it.
        own.accepted.store(session, RELEASE)
        return True
    # Acquire: the empty header before the look at it.
    started = ring.peer[0].accepted.load(ACQUIRE)
    if started == ring.session:
        ring.cursor = ring.data
        ring.joined = session
    return False


@metal(inline=True)
def message(ring: Consumer) -> Ptr[Shared[u8]]:
    """The bytes of the message that was found, ``length`` of them.

    They stay where they are until ``consume``, but the producer could change them at any time.
    """
    return Ptr[Shared[u8]](ring.cursor + HEADER)


@metal(inline=True)
def length(ring: Consumer) -> u64:
    """The length in bytes of the message that was found."""
    return ring.taken - HEADER


@metal(inline=True)
def peek(ring: Consumer) -> Ptr[Shared[u8]]:
    """The bytes of the next message, or null if there is none now."""
    if not has_message(ring):
        return Ptr[Shared[u8]](0)
    return message(ring)


@metal(inline=True)
def consume(ring: Consumer) -> None:
    """Give the message that was found back to the producer; without one, what was skipped."""
    next = ring.next
    ring.cursor = next
    # Release: our reads of its bytes before the position that frees them.
    ring.own[0].position.store(next - ring.origin, RELEASE)
