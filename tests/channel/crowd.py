"""What threads do with the ends of a channel as fast as they can, in metal.

Each function gives up after ``patience`` looks in vain, so that its thread can let another run;
it returns how far it came. What it finds wrong, it stops at.
"""

from __future__ import annotations

from questv.arch.x86.instructions import pause
from questv.channel import four_slot, ring
from questv.channel.copy import copy_out
from questv.channel.four_slot import Reader, Writer
from questv.channel.ring import Consumer, Producer
from questv.channel.sleep import Area
from questv.metal.lang import RELAXED, Ptr, Shared, metal, u8, u64
from questv.metal.structs import Struct


@metal(inline=True)
def mixed(number: u64) -> u64:
    """A number that has little to do with the one before."""
    product = number * 0x9E37_79B9_7F4A_7C15
    return product ^ product >> 29


# ---- honest rings ----------------------------------------------------------------------------


@metal(inline=True)
def length_of(number: u64, size: u64) -> u64:
    """How long the message with a number is: any length of at least 8 that the ring can take."""
    return 8 + mixed(number) % (ring.largest_message(size) - 7)


@metal
def send(producer: Producer, first: u64, end: u64, patience: u64) -> u64:
    """Send the messages with the numbers from ``first`` on; the number of the next one."""
    number = first
    left = patience
    while number != end and left != 0:
        length = length_of(number, producer.size)
        room = ring.reserve(producer, length)
        if room.is_null():
            left -= 1
            pause()
            continue
        words = Ptr[u64](room)
        for i in range(length // 8):
            words[i] = mixed(number + i)
        for i in range(length & ~u64(7), length):
            room[i] = u8.wrap(number)
        ring.commit(producer)
        number += 1
        left = patience
    return number


@metal
def receive(consumer: Consumer, size: u64, first: u64, end: u64, patience: u64) -> u64:
    """Receive the messages with the numbers from ``first`` on; the number of the next one.

    ``size`` is the ring's.
    """
    number = first
    left = patience
    while number != end and left != 0:
        message = ring.peek(consumer)
        if message.is_null():
            left -= 1
            pause()
            continue
        length = length_of(number, size)
        assert ring.length(consumer) == length, "another message, or another length"
        words = Ptr[Shared[u64]](message)
        for i in range(length // 8):
            word = words[i].load(RELAXED)
            assert word == mixed(number + i), "another message, or a torn one"
        for i in range(length & ~u64(7), length):
            byte = message[i].load(RELAXED)
            assert byte == u8.wrap(number), "the last bytes are not the message's"
        ring.consume(consumer)
        number += 1
        left = patience
    assert consumer.violations == 0, "an honest producer was accused"
    return number


# ---- honest registers ------------------------------------------------------------------------


@metal
def write(writer: Writer, first: u64, end: u64) -> None:
    """Write the values with some numbers."""
    for number in range(first, end):
        words = Ptr[u64](four_slot.begin_write(writer))
        for i in range(writer.size // 8):
            words[i] = number
        four_slot.end_write(writer)


class Seen(Struct):
    """What a reader has seen so far."""

    last: u64  # the number of the last value
    values: u64  # how many


@metal
def read(reader: Reader, seen: Seen, looks: u64) -> None:
    """Read values for a while, each whole, none older than the one before."""
    for _ in range(looks):
        news = four_slot.has_news(reader)
        value = four_slot.begin_read(reader)
        if value.is_null():
            assert not news, "news, and no value"
            continue
        words = Ptr[Shared[u64]](value)
        number = words[0].load(RELAXED)
        assert number >= seen.last, "an older value"
        assert number > seen.last or not news, "no news"
        for i in range(1, reader.size // 8):
            word = words[i].load(RELAXED)
            assert word == number, "a torn value"
        seen.values += u64(number != seen.last)
        seen.last = number


# ---- a hostile side --------------------------------------------------------------------------


@metal
def scribble(words: Ptr[Shared[u64]], count: u64, victim: Ptr[Area], span: u64, seed: u64) -> u64:
    """Overwrite words of an area with lies about positions, lengths and skips, and with others.

    ``span`` is a power of two, and lies go a little beyond. The result seeds the next call.
    """
    state = seed
    for _ in range(u64(1_000)):
        state = mixed(state + 1)
        lie = mixed(state)
        match state >> 61:
            case 0 | 1 | 2:
                position = victim[0].position.load(RELAXED)
                lie = position - span * 2 + (lie & span * 4 - 8)
            case 3 | 4 | 5:
                lie &= span * 2 - 1
            case 6:
                lie = ring.SKIP
        words[state % count].store(lie, RELAXED)
    return state


@metal
def drain(consumer: Consumer, to: Ptr[u8], capacity: u64, turns: u64) -> u64:
    """Receive whatever there seems to be; how many messages there seemed to be."""
    count = u64(0)
    for _ in range(turns):
        message = ring.peek(consumer)
        if not message.is_null():
            length = ring.length(consumer)
            memory = consumer.end - consumer.data
            assert length <= memory, "longer than the ring"
            assert u64(message) - consumer.data <= memory - length, "outside of the ring"
            copy_out(to, message, min(length, capacity))
            ring.consume(consumer)
            count += 1
    return count


@metal
def flood(producer: Producer, own: Ptr[Area], turns: u64) -> u64:
    """Send messages of all lengths whenever there seems to be room; how many were sent.

    It says how far it is, for lies that are near the truth.
    """
    count = u64(0)
    for number in range(turns):
        length = length_of(number, producer.size)
        room = ring.reserve(producer, length)
        if not room.is_null():
            memory = producer.end - producer.data
            assert u64(room) - producer.data <= memory - length, "outside of the ring"
            for i in range(length):
                room[i] = u8.wrap(number)
            ring.commit(producer)
            own[0].position.store(producer.cursor - producer.origin, RELAXED)
            count += 1
    return count


@metal
def look(reader: Reader, to: Ptr[u8], turns: u64) -> u64:
    """Read whatever is said to be the newest value; how often there was news."""
    count = u64(0)
    for _ in range(turns):
        if four_slot.has_news(reader):
            count += 1
        value = four_slot.begin_read(reader)
        if not value.is_null():
            assert reader.places[0] <= u64(value) <= reader.places[3], "outside of the slots"
            copy_out(to, value, reader.size)
    return count
