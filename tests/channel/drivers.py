"""What the ends of a channel do with it in these tests, in metal: the same for every machine."""

from __future__ import annotations

from questv.channel import four_slot, ring
from questv.channel.four_slot import Reader, Writer
from questv.channel.ring import Consumer, Producer
from questv.metal.lang import RELAXED, Ptr, Shared, metal, u64


@metal
def send(producer: Producer, length: u64, number: u64) -> bool:
    """Send a message of ``length`` bytes, a multiple of 8, all words of which are ``number``."""
    room = ring.reserve(producer, length)
    if room.is_null():
        return False
    fill(Ptr[u64](room), length, number)
    ring.commit(producer)
    return True


@metal
def receive(consumer: Consumer) -> u64:
    """Take the next message; its number, or 0 if there is none. Its words must be the same."""
    message = ring.peek(consumer)
    if message.is_null():
        return 0
    number = read(Ptr[Shared[u64]](message), ring.length(consumer))
    ring.consume(consumer)
    return number


@metal
def write(writer: Writer, number: u64) -> None:
    """Write a value, all words of which are ``number``."""
    fill(Ptr[u64](four_slot.begin_write(writer)), writer.size, number)
    four_slot.end_write(writer)


@metal
def newest(reader: Reader) -> u64:
    """The number of the newest value, 0 if there is none. Its words must be the same."""
    value = four_slot.begin_read(reader)
    if value.is_null():
        return 0
    return read(Ptr[Shared[u64]](value), reader.size)


@metal
def fill(words: Ptr[u64], length: u64, number: u64) -> None:
    """Set all words of ``length`` bytes."""
    for i in range(length // 8):
        words[i] = number


@metal
def read(words: Ptr[Shared[u64]], length: u64) -> u64:
    """The number in all words of ``length`` bytes, 0 if there are none; they must be the same."""
    if length == 0:
        return 0
    first = words[0].load(RELAXED)
    for i in range(1, length // 8):
        word = words[i].load(RELAXED)
        assert word == first, "torn"
    return first
