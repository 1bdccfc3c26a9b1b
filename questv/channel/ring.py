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
    addr,
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
    """The producer's private state. ``size`` is a power of two of at least 64 bytes."""

    own: Ptr[Area]
    peer: Ptr[Area]
    data: u64  # address of the ring
    size: u64  # bytes
    tail: u64  # how far messages are written
    head: u64  # how far the consumer was last seen to have read
    published: u64  # how far the consumer has been told
    length: u64  # bytes of the message that is reserved
    violations: u64  # times that the consumer said what can't be


class Consumer(Struct):
    """The consumer's private state."""

    own: Ptr[Area]
    peer: Ptr[Area]
    data: u64
    size: u64
    head: u64  # how far messages are read
    tail: u64  # how far the producer was last seen to have written
    length: u64  # bytes of the message that ``peek`` has found
    violations: u64  # times that the producer said what can't be


@metal
def largest_message(size: u64) -> u64:
    """The longest message that a ring of ``size`` bytes can always take in the end."""
    return size // 2 - HEADER


@metal(inline=True)
def _padded(length: u64) -> u64:
    """What a message of ``length`` bytes takes in the ring."""
    return HEADER + (length + 7 & ~u64(7))


@metal(inline=True)
def _header(data: u64, size: u64, position: u64) -> Header:
    return Ptr[Header](data + (position & size - 1))[0]


# ---- the producer ----------------------------------------------------------------------------


@metal
def reserve(ring: Producer, length: u64) -> Ptr[u8]:
    """Room for a message of ``length`` bytes, or null if there is none now.

    The room is this side's to fill until ``commit``; reserving again without it starts anew.
    ``length`` is at most ``largest_message``; more is refused.
    """
    if length > largest_message(ring.size):
        return Ptr[u8](0)
    needed = _padded(length)
    to_end = ring.size - (ring.published & ring.size - 1)
    skipped: u64 = to_end if needed > to_end else 0
    if ring.size - (ring.published - ring.head) < needed + skipped:
        _refresh_head(ring)
        if ring.size - (ring.published - ring.head) < needed + skipped:
            return Ptr[u8](0)
    if skipped != 0:
        _header(ring.data, ring.size, ring.published).length.store(SKIP, RELAXED)
    ring.tail = ring.published + skipped
    header = _header(ring.data, ring.size, ring.tail)
    header.length.store(u32(length), RELAXED)
    ring.tail += needed
    ring.length = length
    return Ptr[u8](addr(header) + HEADER)


@metal
def commit(ring: Producer) -> None:
    """Hand the reserved message over."""
    ring.published = ring.tail
    # The message's bytes before the position that says they are there.
    ring.own[0].position.store(ring.published, RELEASE)


@metal
def _refresh_head(ring: Producer) -> None:
    """Learn how far the consumer has read; it can only have gone forward, and not past the tail."""
    # Acquire: its reads of the bytes that it frees come before our writes over them.
    head = ring.peer[0].position.load(ACQUIRE)
    if head - ring.head <= ring.published - ring.head:
        ring.head = head
    else:
        ring.violations += 1


# ---- the consumer ----------------------------------------------------------------------------


@metal
def peek(ring: Consumer) -> Ptr[Shared[u8]]:
    """The bytes of the next message, ``ring.length`` of them, or null if there is none now.

    They stay where they are until ``consume``, but the producer could change them at any time.
    """
    if ring.head == ring.tail and not has_message(ring):
        return Ptr[Shared[u8]](0)
    header = _header(ring.data, ring.size, ring.head)
    length = header.length.load(RELAXED)
    if length == SKIP:
        ring.head += ring.size - (ring.head & ring.size - 1)
        header = _header(ring.data, ring.size, ring.head)
        length = header.length.load(RELAXED)
    if not _is_whole(ring, u64(length)):
        return Ptr[Shared[u8]](0)
    ring.length = u64(length)
    return Ptr[Shared[u8]](addr(header) + HEADER)


@metal
def has_message(ring: Consumer) -> bool:
    """Look whether the producer has published more; a position that can't be is ignored."""
    # Acquire: the position before the bytes that it says are there.
    tail = ring.peer[0].position.load(ACQUIRE)
    if tail - ring.head > ring.size or tail & 7 != 0:
        ring.violations += 1
        return False
    ring.tail = tail
    return tail != ring.head


@metal
def _is_whole(ring: Consumer, length: u64) -> bool:
    """Whether a message of ``length`` bytes can stand at the head; if not, drop all there is."""
    available = ring.tail - ring.head
    to_end = ring.size - (ring.head & ring.size - 1)
    if (
        available <= ring.size  # a skip may have led past the tail
        and length <= largest_message(ring.size)
        and _padded(length) <= min(available, to_end)
    ):
        return True
    ring.violations += 1
    ring.head = ring.tail
    ring.own[0].position.store(ring.head, RELEASE)
    return False


@metal
def consume(ring: Consumer) -> None:
    """Give the message that ``peek`` found back to the producer."""
    ring.head += _padded(ring.length)
    # Release: our reads of its bytes before the position that frees them.
    ring.own[0].position.store(ring.head, RELEASE)
