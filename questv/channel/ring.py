"""A lossless ring of messages of any size, with one producer and one consumer.

The producer's area holds its position, and on the pages after the first the ring itself: each
message is a header of 8 bytes, the length in the first four, then its bytes, padded to 8. A
message never wraps around the end; where it would, a header of ``SKIP`` leads to the start. The
consumer's area holds its position. Positions count bytes since the beginning and never go back.

A producer that lies or scribbles can make the consumer drop what is in the ring, a consumer that
lies can make the producer see a full ring. Neither can make the other read or write outside it.
"""

from __future__ import annotations

from questv.arch.x86.paging import PAGE_SIZE
from questv.channel.sleep import Area
from questv.metal.lang import (
    ACQUIRE,
    RELAXED,
    RELEASE,
    Ptr,
    Shared,
    metal,
    u8,
    u32,
    u64,
)
from questv.metal.structs import Struct, sizeof

HEADER = 8
SKIP = 0xFFFF_FFFF
DATA_OFFSET = PAGE_SIZE
"""Where the ring starts in the producer's area."""


class Header(Struct):
    """What stands before each message."""

    length: Shared[u32]
    reserved: u32


assert sizeof(Header) == HEADER


class Producer(Struct):
    """The producer's private state; ``cursor`` starts as ``data``, its counts as zero.

    ``size`` is a power of two of at least 64 bytes.
    """

    own: Ptr[Area]
    peer: Ptr[Area]
    data: u64  # address of the ring
    size: u64  # bytes
    cursor: u64  # address at which the next message goes
    room: u64  # bytes free from there on as far as known: to the ring's end, at most half of it
    tail: u64  # bytes written since the beginning, messages and skips
    head: u64  # how far the consumer was last seen to have read
    length: u64  # bytes of the message that is reserved
    taken: u64  # what it takes in the ring
    violations: u64  # times that the consumer said what can't be


class Consumer(Struct):
    """The consumer's private state; its counts start as zero. ``size`` as the producer's."""

    own: Ptr[Area]
    peer: Ptr[Area]
    data: u64
    size: u64
    head: u64  # bytes read since the beginning, a multiple of 8
    tail: u64  # how far the producer was last seen to have written
    length: u64  # bytes of the message that ``peek`` has found
    taken: u64  # what it takes in the ring
    violations: u64  # times that the producer said what can't be


@metal(inline=True)
def largest_message(size: u64) -> u64:
    """The longest message that a ring of ``size`` bytes can always take in the end."""
    return size // 2 - HEADER


@metal(inline=True)
def _padded(length: u64) -> u64:
    """What a message of ``length`` bytes takes in the ring, its header included."""
    return length + (HEADER + 7) & ~u64(7)


# ---- the producer ----------------------------------------------------------------------------


@metal(inline=True)
def reserve(ring: Producer, length: u64) -> Ptr[u8]:
    """Room for a message of ``length`` bytes, or null if there is none now.

    The room is this side's to fill until ``commit``; reserving again without it starts anew.
    ``length`` is at most ``largest_message``; more is refused.
    """
    if (length > ring.room or _padded(length) > ring.room) and not _make_room(ring, length):
        return Ptr[u8](0)
    Ptr[Header](ring.cursor)[0].length.store(u32.wrap(length), RELAXED)
    ring.length = length
    ring.taken = _padded(length)
    return Ptr[u8](ring.cursor + HEADER)


@metal
def _make_room(ring: Producer, length: u64) -> bool:
    """Ask how far the consumer has read, and skip to the ring's start if need be."""
    if length > largest_message(ring.size):
        return False
    needed = _padded(length)
    _refresh_head(ring)
    free = ring.size - (ring.tail - ring.head)
    to_end = ring.data + ring.size - ring.cursor
    if needed > to_end and free >= to_end + needed:
        if to_end != 0:
            Ptr[Header](ring.cursor)[0].length.store(SKIP, RELAXED)
        ring.cursor = ring.data
        ring.tail += to_end
        free -= to_end
        to_end = ring.size
    # With half the ring at most, no message is taken that would not fit elsewhere.
    ring.room = min(min(free, to_end), ring.size // 2)
    return needed <= ring.room


@metal
def _refresh_head(ring: Producer) -> None:
    """Learn how far the consumer has read; it can only have gone forward, and not past the tail."""
    # Acquire: its reads of the bytes that it frees come before our writes over them.
    head = ring.peer[0].position.load(ACQUIRE)
    if head - ring.head <= ring.tail - ring.head:
        ring.head = head
    else:
        ring.violations += 1


@metal
def has_room(ring: Producer, length: u64) -> bool:
    """Look whether the consumer has made room for a message of ``length`` bytes."""
    return not reserve(ring, length).is_null()


@metal(inline=True)
def commit(ring: Producer) -> None:
    """Hand the reserved message over."""
    ring.cursor += ring.taken
    ring.room -= ring.taken
    ring.tail += ring.taken
    # The message's bytes before the position that says they are there.
    ring.own[0].position.store(ring.tail, RELEASE)


# ---- the consumer ----------------------------------------------------------------------------


@metal(inline=True)
def peek(ring: Consumer) -> Ptr[Shared[u8]]:
    """The bytes of the next message, ``ring.length`` of them, or null if there is none now.

    They stay where they are until ``consume``, but the producer could change them at any time.
    """
    if ring.tail == ring.head and not has_message(ring):
        return Ptr[Shared[u8]](0)
    at = ring.head & ring.size - 1
    length = Ptr[Header](ring.data + at)[0].length.load(RELAXED)
    ring.length = u64(length)
    ring.taken = _padded(u64(length))
    if ring.taken > ring.tail - ring.head or ring.taken > ring.size - at:
        return _peek_at_start(ring, length)
    return Ptr[Shared[u8]](ring.data + at + HEADER)


@metal
def _peek_at_start(ring: Consumer, found: u32) -> Ptr[Shared[u8]]:
    """The same where what stands at the head does not fit: it leads to the start, or is a lie.

    Of a lie everything that is there is dropped.
    """
    to_end = ring.size - (ring.head & ring.size - 1)
    if found == SKIP and to_end < ring.tail - ring.head:
        ring.head += to_end
        length = Ptr[Header](ring.data)[0].length.load(RELAXED)
        ring.length = u64(length)
        ring.taken = _padded(u64(length))
        if ring.taken <= ring.tail - ring.head:
            return Ptr[Shared[u8]](ring.data + HEADER)
    ring.violations += 1
    ring.taken = ring.tail - ring.head
    consume(ring)
    return Ptr[Shared[u8]](0)


@metal(inline=True)
def has_message(ring: Consumer) -> bool:
    """Look whether the producer has published more; a position that can't be is ignored."""
    # Acquire: the position before the bytes that it says are there.
    tail = ring.peer[0].position.load(ACQUIRE)
    written = tail - ring.head
    if written == 0:
        return False
    if written > ring.size or written & HEADER - 1 != 0:
        ring.violations += 1
        return False
    ring.tail = tail
    return True


@metal(inline=True)
def consume(ring: Consumer) -> None:
    """Give the message that ``peek`` found back to the producer."""
    ring.head += ring.taken
    # Release: our reads of its bytes before the position that frees them.
    ring.own[0].position.store(ring.head, RELEASE)
