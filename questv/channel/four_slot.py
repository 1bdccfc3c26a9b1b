"""Simpson's four-slot register: the newest value, always whole, and nobody ever waits.

H. R. Simpson, "Four-slot fully asynchronous communication mechanism", IEE Proceedings E 137(1),
1990. The writer's area holds two pairs of two slots; it never writes the pair that the reader
says it reads, nor the slot of the other pair that holds the newest value. The reader's area says
which pair it reads. The algorithm assumes that each side's stores and loads happen in program
order; the fences say where that must be enforced.

After a restart the writer goes on with what stands in its area: the last whole value stays the
newest, and is not written over. Its values are numbered from its session on, which nobody has
seen before, so that they are news whatever an earlier life has said. A reader begins anew, and
finds the newest value as news. Neither has to learn of the other's restart.
"""

from __future__ import annotations

from questv.arch.x86.paging import PAGE_SIZE
from questv.channel.sleep import Area
from questv.metal.lang import (
    ACQUIRE,
    RELAXED,
    RELEASE,
    SEQ_CST,
    Array,
    Ptr,
    Shared,
    fence,
    metal,
    u8,
    u32,
    u64,
)
from questv.metal.structs import Struct

DATA_OFFSET = PAGE_SIZE
"""Where the slots start in the writer's area."""
FIRST_NEWS = 2
"""What ``Reader.news`` starts as."""
_OLD = 4
"""So many words below ``Reader.news`` belong to what was read, or to the value before it."""


class WriterArea(Struct):
    """The writer's area; the slots follow on the next page.

    Values are numbered from 1; those of later lives from half their session on.
    """

    area: Area
    latest: Shared[u64]  # twice the number of the newest value + the pair that holds it
    newest: Array[Shared[u64], 2]  # for each pair the value written last: twice its number + slot


class ReaderArea(Struct):
    """The reader's area."""

    area: Area
    reading: Shared[u32]  # the pair that it reads


class Writer(Struct):
    """The writer's private state; ``places`` is set by ``place_slots``."""

    own: Ptr[WriterArea]
    peer: Ptr[ReaderArea]
    size: u64  # bytes of a value
    places: Array[u64, 4]  # addresses of the slots, pair by pair
    slots: Array[u64, 2]  # in each pair, the slot that is written next
    pair: u64  # the pair that is being written
    count: u64  # twice the number of the value written last


class Reader(Struct):
    """The reader's private state; ``news`` starts as ``FIRST_NEWS``."""

    own: Ptr[ReaderArea]
    peer: Ptr[WriterArea]
    size: u64
    places: Array[u64, 4]
    answered: u64  # what ``latest`` was at the last read
    news: u64  # the least that it is once there is a newer value than was read


@metal
def stride(size: u64) -> u64:
    """The distance between slots for values of ``size`` bytes: whole cache lines."""
    return size + 63 & ~u64(63)


@metal
def place_slots(places: Array[u64, 4], data: u64, size: u64) -> None:
    """Work out where the slots for values of ``size`` bytes are; the first is at ``data``."""
    for slot in range(u64(4)):
        places[slot] = data + slot * stride(size)


@metal
def go_on(register: Writer, session: u64) -> None:
    """Be ready to write, after whatever an earlier life has left behind."""
    register.count = session
    own = register.own[0]
    for pair in range(u64(2)):
        # A reader may be at the slot that the area names, but at no other: see ``begin_write``.
        newest = own.newest[pair].load(RELAXED)
        register.slots[pair] = newest & 1 ^ 1


@metal(inline=True)
def begin_write(register: Writer) -> Ptr[u8]:
    """The slot to write the next value into; ``end_write`` makes it the newest."""
    # The last ``latest`` before this look at what is read: else a reader could be on its way to
    # the pair that is taken here.
    fence(SEQ_CST)
    reading = register.peer[0].reading.load(ACQUIRE)
    pair = u64(1 - (reading & 1))
    register.pair = pair
    return Ptr[u8](register.places[pair * 2 + register.slots[pair]])


@metal(inline=True)
def end_write(register: Writer) -> None:
    """Make the value in the slot of ``begin_write`` the newest."""
    pair = register.pair
    slot = register.slots[pair]
    count = register.count + 2
    register.slots[pair] = slot ^ 1
    register.count = count
    own = register.own[0]
    # Release: the value before the slot, the slot before the pair.
    own.newest[pair].store(count + slot, RELEASE)
    own.latest.store(count + pair, RELEASE)


@metal(inline=True)
def begin_read(register: Reader) -> Ptr[Shared[u8]]:
    """The newest value, or null if none was ever written.

    It stays whole until the next ``begin_read``, if the writer keeps to the algorithm.
    """
    peer = register.peer[0]
    latest = peer.latest.load(RELAXED)  # the fence acquires what it has read
    register.answered = latest
    pair = latest & 1
    # Release: reads of the pair that is left come before the writer may take it.
    register.own[0].reading.store(u32(pair), RELEASE)
    # What is read, before the look at the pair's newest slot: else the writer could take it.
    fence(SEQ_CST)
    newest = peer.newest[pair].load(ACQUIRE)
    register.news = (newest | 1) + 1
    if newest < 2:
        return Ptr[Shared[u8]](0)
    return Ptr[Shared[u8]](register.places[pair * 2 + (newest & 1)])


@metal(inline=True)
def has_news(register: Reader) -> bool:
    """Whether there is a newer value than the one that ``begin_read`` found last."""
    latest = register.peer[0].latest.load(RELAXED)  # ``begin_read`` looks again
    # What the last read has answered is no news: a writer that lies has to go on doing so to be
    # believed. Nor is the value that was read, which may be published later than it is found, or
    # the one before it.
    return latest != register.answered and latest - register.news < -u64(_OLD)
