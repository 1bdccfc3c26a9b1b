"""Simpson's four-slot register: the newest value, always whole, and nobody ever waits.

H. R. Simpson, "Four-slot fully asynchronous communication mechanism", IEE Proceedings E 137(1),
1990. The writer's area holds two pairs of two slots; it never writes the pair that the reader
says it reads, nor the slot of the other pair that holds the newest value. The reader's area says
which pair it reads. The algorithm assumes that each side's stores and loads happen in program
order; the fences say where that must be enforced.
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
NOTHING_READ = (1 << 64) - 1
"""What ``Reader.before`` starts as."""


class WriterArea(Struct):
    """The writer's area; the slots follow on the next page."""

    area: Area  # ``position`` counts the values written
    latest: Shared[u32]  # the pair that holds the newest value
    newest: Array[Shared[u64], 2]  # for each pair the value written last: twice its number + slot


class ReaderArea(Struct):
    """The reader's area."""

    area: Area
    reading: Shared[u32]  # the pair that it reads


class Writer(Struct):
    """The writer's private state."""

    own: Ptr[WriterArea]
    peer: Ptr[ReaderArea]
    data: u64  # address of the slots
    size: u64  # bytes of a value
    stride: u64  # bytes from one slot to the next
    slots: Array[u32, 2]  # in each pair, the slot that was written last
    pair: u32  # the slot that is being written
    slot: u32
    count: u64  # values written, and the number of the last


class Reader(Struct):
    """The reader's private state; ``before`` starts as ``NOTHING_READ``."""

    own: Ptr[ReaderArea]
    peer: Ptr[WriterArea]
    data: u64
    size: u64
    stride: u64
    before: u64  # the number of the value that it read last, less one
    looked: u64  # what the writer's count was when it was last looked at
    answered: u64  # the same at the last read


@metal
def stride(size: u64) -> u64:
    """The distance between slots for values of ``size`` bytes: whole cache lines."""
    return size + 63 & ~u64(63)


@metal(inline=True)
def begin_write(register: Writer) -> Ptr[u8]:
    """The slot to write the next value into; ``end_write`` makes it the newest."""
    # The last ``latest`` before this look at what is read: else a reader could be on its way to
    # the pair that is taken here.
    fence(SEQ_CST)
    reading = register.peer[0].reading.load(ACQUIRE)
    register.pair = 1 - (reading & 1)
    register.slot = 1 - register.slots[register.pair]
    return Ptr[u8](_slot_address(register.data, register.stride, register.pair, register.slot))


@metal(inline=True)
def end_write(register: Writer) -> None:
    """Make the value in the slot of ``begin_write`` the newest."""
    pair = register.pair
    slot = register.slot
    number = register.count + 1
    register.slots[pair] = slot
    register.count = number
    own = register.own[0]
    # Release: the value before the slot, the slot before the pair, the pair before the count.
    own.newest[pair].store(number * 2 + u64(slot), RELEASE)
    own.latest.store(pair, RELEASE)
    own.area.position.store(number, RELEASE)


@metal(inline=True)
def begin_read(register: Reader) -> Ptr[Shared[u8]]:
    """The newest value, or null if none was ever written.

    It stays whole until the next ``begin_read``, if the writer keeps to the algorithm.
    """
    peer = register.peer[0]
    latest = peer.latest.load(RELAXED)  # the fence acquires what it has read
    pair = latest & 1
    # Release: reads of the pair that is left come before the writer may take it.
    register.own[0].reading.store(pair, RELEASE)
    # What is read, before the look at the pair's newest slot: else the writer could take it.
    fence(SEQ_CST)
    newest = peer.newest[pair].load(ACQUIRE)
    number = newest >> 1
    register.before = number - 1
    register.answered = register.looked
    if number == 0:
        return Ptr[Shared[u8]](0)
    slot = u32(newest & 1)
    return Ptr[Shared[u8]](_slot_address(register.data, register.stride, pair, slot))


@metal(inline=True)
def has_news(register: Reader) -> bool:
    """Whether there is a newer value than the one that ``begin_read`` found last."""
    count = register.peer[0].area.position.load(ACQUIRE)
    register.looked = count
    # The value that was read may not be counted yet; those before it are. A count that was seen
    # before the read means nothing newer: a writer that lies has to go on doing so to be believed.
    return count - register.before > 1 and count != register.answered


@metal(inline=True)
def _slot_address(data: u64, stride: u64, pair: u32, slot: u32) -> u64:
    return data + u64(pair * 2 + slot) * stride
