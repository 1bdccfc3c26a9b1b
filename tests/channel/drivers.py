"""What the ends of a channel do with it in these tests, in metal: the same for every machine."""

from __future__ import annotations

from questv.channel import four_slot, ring
from questv.channel.four_slot import Reader, Writer
from questv.channel.ring import Consumer, Producer
from questv.channel.sleep import begin_session
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


@metal
def read_anything(words: Ptr[Shared[u64]], length: u64) -> u64:
    """The number in all words of ``length`` bytes, 0 if there is none or they differ."""
    if length == 0 or length % 8 != 0:
        return 0
    first = words[0].load(RELAXED)
    for i in range(1, length // 8):
        word = words[i].load(RELAXED)
        if word != first:
            return 0
    return first


# ---- restarts --------------------------------------------------------------------------------


@metal
def restart_producer(producer: Producer, session: u64) -> None:
    """What a later life of the producer's kernel does first."""
    begin_session(producer.own[0], session)
    ring.restart_producer(producer, session)


@metal
def restart_consumer(consumer: Consumer, session: u64) -> None:
    """What a later life of the consumer's kernel does first."""
    begin_session(consumer.own[0], session)
    ring.restart_consumer(consumer, session)


@metal
def keep_up(consumer: Consumer) -> None:
    """What a consumer does that has found no message."""
    if ring.is_apart(consumer):
        ring.join(consumer)


@metal
def receive_anything(consumer: Consumer, garbage: u64) -> u64:
    """Like ``receive``, but that a message whose words differ has the number ``garbage``."""
    message = ring.peek(consumer)
    if message.is_null():
        return 0
    number = read_anything(Ptr[Shared[u64]](message), ring.length(consumer))
    ring.consume(consumer)
    return number if number != 0 else garbage


@metal
def restart_writer(writer: Writer, session: u64) -> None:
    """What a later life of the writer's kernel does first."""
    begin_session(writer.own[0].area, session)
    four_slot.go_on(writer, session)


@metal
def newest_anything(reader: Reader, garbage: u64) -> u64:
    """Like ``newest``, but that a value whose words differ has the number ``garbage``."""
    value = four_slot.begin_read(reader)
    if value.is_null():
        return 0
    number = read_anything(Ptr[Shared[u64]](value), reader.size)
    return number if number != 0 else garbage
