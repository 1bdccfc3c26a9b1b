"""Rings do what a queue does, and no lie about them does any harm."""

from __future__ import annotations

import ctypes
from collections import deque
from random import Random
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from questv.channel import ring
from questv.metal.jit import Jit

from .areas import RingChannel
from .machines import LONG, check

SIZES = st.integers(6, 12).map(lambda power: 1 << power)
POSITIONS = st.one_of(
    st.just(0),
    st.integers(0, 2**61 - 1).map(lambda word: 8 * word),
    st.integers(1, 600).map(lambda words: 2**64 - 8 * words),
)
LENGTHS = st.one_of(st.integers(0, 2040), st.integers(0, 40), st.integers(2000, 2040))
"""More than the ring's longest message wraps around."""


def wrapped(number: int) -> int:
    return number % 2**64


def padded(length: int) -> int:
    return 8 + -(-length // 8) * 8


class Machine(RuleBasedStateMachine):
    """A ring, and calls that check where its code leads."""

    jit: ClassVar[Jit]
    channel: RingChannel

    def prepare(self, size: int, position: int, at_end: bool) -> None:
        self.size = size
        self.channel = RingChannel(size, position, at_end=at_end)
        self.memory = self.channel.data.size
        self.producer, self.consumer = self.channel.producer, self.channel.consumer

    def reserve(self, length: int) -> int:
        """Where a message may be put, 0 if nowhere."""
        room: int = self.jit[ring.reserve](self.producer, length)
        start = self.channel.data.own
        assert room == 0 or start + 8 <= room <= start + self.memory - 8 - length
        return room

    def peek(self) -> bytes | None:
        """The message that the consumer finds, None if there is none."""
        message = self.jit[ring.peek](self.consumer)
        if message == 0:
            return None
        length = self.jit[ring.length](self.consumer)
        start = self.channel.data.peer
        assert start + 8 <= message <= start + self.memory - 8 - length
        return ctypes.string_at(message, length)

    def teardown(self) -> None:
        if hasattr(self, "channel"):
            self.channel.close()


# ---- both sides are honest -------------------------------------------------------------------


class Queue(Machine):
    """A deque says what comes; where in the ring it lies is worked out once more."""

    @initialize(size=SIZES, position=POSITIONS, at_end=st.booleans())
    def start(self, size: int, position: int, at_end: bool) -> None:
        self.prepare(size, position, at_end)
        self.random = Random(size + position)
        self.sent: deque[tuple[bytes, int]] = deque()  # each message, and where it ends
        self.head = position  # where the consumer has read to
        self.tail = position  # where the producer goes on
        self.place = position % self.memory  # where in memory that is

    def fits(self, length: int) -> bool:
        """Whether there is room for a message, and where: at the tail, or at the ring's start."""
        if length > self.channel.largest:
            return False
        free = self.memory - wrapped(self.tail - self.head)
        to_end = self.memory - self.place
        if padded(length) + 8 <= to_end:
            return padded(length) + 8 <= free
        if free < to_end + padded(length) + 8:
            return False
        self.tail, self.place = wrapped(self.tail + to_end), 0
        return True

    def reserved(self, length: int) -> int:
        fits = self.fits(length)
        room = self.reserve(length)
        assert (room != 0) == fits
        if fits:
            assert room - 8 - self.channel.data.own == self.place
        return room

    @rule(length=LENGTHS)
    def send(self, length: int) -> None:
        self.sends(length % (self.channel.largest + 1))

    @rule(length=LENGTHS, rest=st.integers(0, 40))
    def fill(self, length: int, rest: int) -> None:
        """To the last byte, or almost."""
        while self.sends(length % (self.channel.largest + 1)):
            pass
        self.sends(rest % (self.channel.largest + 1))

    def sends(self, length: int) -> bool:
        room = self.reserved(length)
        if room:
            message = self.random.randbytes(length)
            ctypes.memmove(room, message, length)
            self.jit[ring.commit](self.producer)
            self.tail = wrapped(self.tail + padded(length))
            self.place += padded(length)
            self.sent.append((message, self.tail))
        else:
            unread = sum(padded(len(message)) for message, _ in self.sent)
            assert unread + padded(length) > self.size, "it takes less than its size"
        return room != 0

    @rule(length=LENGTHS)
    def reserve_and_think_again(self, length: int) -> None:
        length %= self.channel.largest + 1
        room = self.reserved(length)
        ctypes.memset(room, 0xFF, length if room else 0)

    @rule(length=LENGTHS)
    def look_for_room(self, length: int) -> None:
        assert self.jit[ring.has_room](self.producer, length) == self.fits(length)

    @rule(beyond=st.one_of(st.integers(1, 64), st.integers(0, 2**64 - 1)))
    def send_too_much(self, beyond: int) -> None:
        length = max(self.channel.largest + 1, wrapped(self.channel.largest + beyond))
        assert self.reserve(length) == 0

    @rule()
    def receive(self) -> None:
        message = self.peek()
        if self.sent:
            expected, end = self.sent.popleft()
            assert message == expected
            self.jit[ring.consume](self.consumer)
            self.head = end
        else:
            assert message is None

    @rule()
    def consume_nothing(self) -> None:
        if not self.sent:
            assert self.peek() is None
            self.jit[ring.consume](self.consumer)
            self.head = self.tail  # the end of the memory, if it was skipped, is free now too

    @rule()
    def receive_all(self) -> None:
        while self.sent:
            self.receive()

    @rule()
    def look_for_a_message(self) -> None:
        assert self.peek() == (self.sent[0][0] if self.sent else None)

    @rule()
    def look_for_more(self) -> None:
        assert self.jit[ring.has_message](self.consumer) == bool(self.sent)

    @invariant()
    def positions_are_published_and_nobody_is_accused(self) -> None:
        if hasattr(self, "channel"):
            assert self.channel.said(self.channel.receiving) == self.head
            assert self.channel.sent == self.tail
            assert self.producer.violations == self.consumer.violations == 0


def test_a_ring_is_a_queue(jit: Jit) -> None:
    check(Queue, jit)


@pytest.mark.long
def test_a_ring_is_a_queue_for_longer(jit: Jit) -> None:
    check(Queue, jit, LONG)


# ---- the producer is hostile -----------------------------------------------------------------

WORDS = st.one_of(
    st.integers(0, 64),
    st.integers(0, 4096),
    st.sampled_from([ring.SKIP, ring.SKIP - 1, ring.SKIP - 15, 2**31, 2**63, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
"""What lies may be made of: lengths, more or less, and anything else."""


class LyingProducer(Machine):
    """Anything may stand in the ring."""

    @initialize(size=SIZES, position=POSITIONS, at_end=st.booleans(), seed=st.integers(0, 2**32))
    def start(self, size: int, position: int, at_end: bool, seed: int) -> None:
        self.prepare(size, position, at_end)
        random = Random(seed)
        for offset in range(0, self.memory, 8):  # small lengths and skips, and what is none of them
            word = random.choice([random.randrange(size), ring.SKIP, random.randrange(2**64)])
            self.channel.say(self.channel.data, offset, word)

    @rule(offset=st.integers(0, 511), word=WORDS)
    def scribble(self, offset: int, word: int) -> None:
        self.channel.say(self.channel.data, 8 * offset % self.memory, word)

    @rule(word=WORDS)
    def scribble_where_it_reads(self, word: int) -> None:
        self.channel.say(self.channel.data, self.place, word)

    @rule(
        end=st.sampled_from(["its header", "the ring's end", "the other end"]),
        more=st.integers(-9, 9),
        skip=st.booleans(),
    )
    def lie_by_a_little(self, end: str, more: int, skip: bool) -> None:
        """A message, maybe at the ring's start, that ends just before or after a border."""
        place, to_end = self.place, self.memory - self.place
        if skip:
            self.channel.say(self.channel.data, place, ring.SKIP, 4)
            place = 0
        taken = {"its header": 8, "the ring's end": self.memory - place, "the other end": to_end}
        self.channel.say(self.channel.data, place, taken[end] + more, 4)

    @property
    def place(self) -> int:
        """Where in the ring the consumer looks."""
        return self.consumer.cursor - self.channel.data.peer

    def found(self, place: int) -> int:
        """What a header says."""
        return int.from_bytes(self.channel.data.read(place, 4), "little")

    def expected(self) -> tuple[int | None, bool]:
        """How much the message takes that there seems to be, and whether there is a lie."""
        place = self.place
        if place != 0 and self.found(place) == ring.SKIP:
            place = 0
        taken = self.found(place)
        if taken < 8:
            return None, False
        fits = place + padded(taken - 8) < self.memory
        return (taken, False) if fits else (None, True)

    @rule()
    def look(self) -> None:
        accused = self.consumer.violations
        taken, lie = self.expected()
        assert self.jit[ring.has_message](self.consumer) == (taken is not None)
        assert self.consumer.violations == accused + lie

    @rule()
    def receive(self) -> None:
        """A message, or nothing; if something was there all the same, the lie is counted."""
        before, accused = self.channel.received, self.consumer.violations
        taken, lie = self.expected()
        message = self.peek()
        assert self.consumer.violations == accused + lie
        if taken is None:
            assert message is None
        else:
            assert message is not None
            assert len(message) == taken - 8
            self.jit[ring.consume](self.consumer)
            read = wrapped(self.channel.received - before)
            assert read >= padded(len(message))
            assert self.channel.said(self.channel.receiving) == self.channel.received

    @rule(length=LENGTHS)
    def be_honest(self, length: int) -> None:
        """Go on where the consumer is: there is nothing that it still believes."""
        message = Random(length).randbytes(length % (self.channel.largest + 1))
        place, end = self.place, self.channel.received + padded(len(message))
        if place + padded(len(message)) >= self.memory:
            self.channel.say(self.channel.data, place, ring.SKIP, 4)
            end, place = end + self.memory - place, 0
        self.channel.say(self.channel.data, place, 8 + len(message), 4)
        self.channel.data.write(place + 8, message)
        accused = self.consumer.violations
        assert self.peek() == message
        self.jit[ring.consume](self.consumer)
        assert self.channel.said(self.channel.receiving) == wrapped(end)
        assert self.consumer.violations == accused

    @invariant()
    def it_looks_where_headers_are(self) -> None:
        if hasattr(self, "channel"):
            assert 0 <= self.place < self.memory
            assert self.place % 8 == 0


def test_a_lying_producer_does_no_harm(jit: Jit) -> None:
    check(LyingProducer, jit)


@pytest.mark.long
def test_a_lying_producer_does_no_harm_for_longer(jit: Jit) -> None:
    check(LyingProducer, jit, LONG)


# ---- the consumer is hostile -----------------------------------------------------------------


class LyingConsumer(Machine):
    """Anything may stand in the consumer's position."""

    @initialize(size=SIZES, position=POSITIONS, at_end=st.booleans())
    def start(self, size: int, position: int, at_end: bool) -> None:
        self.prepare(size, position, at_end)

    @rule(position=WORDS)
    def jump(self, position: int) -> None:
        self.channel.say(self.channel.receiving, 0, position)

    @rule(words=st.integers(-640, 64))
    def step(self, words: int) -> None:
        """To the last sizes of the ring before the tail, and a little beyond."""
        position = self.channel.sent + words * self.size // 256
        self.channel.say(self.channel.receiving, 0, position)

    @rule()
    def fill(self) -> None:
        for _ in range(4):
            self.send(self.channel.largest)

    @rule(length=st.one_of(LENGTHS, st.integers(0, 2**64 - 1)))
    def send(self, length: int) -> None:
        """There is room in the ring or none, and a lie that was looked at is counted."""
        head, tail, accused = self.producer.head, self.channel.sent, self.producer.violations
        said = self.channel.said(self.channel.receiving)
        plausible = wrapped(said - head) <= wrapped(tail - head)
        room = self.reserve(length)
        assert self.producer.violations in (accused, accused + (not plausible))
        assert self.producer.head == head or (self.producer.head == said and plausible)
        if length > self.channel.largest:
            assert room == 0
        elif room == 0:
            assert self.producer.violations == accused + (not plausible)
        else:
            ctypes.memset(room, 0x5A, length)
            self.jit[ring.commit](self.producer)
            assert wrapped(self.channel.sent - tail) >= padded(length)

    @rule()
    def be_honest(self) -> None:
        """Read all that was sent; then there is room for every message."""
        self.channel.say(self.channel.receiving, 0, self.channel.sent)
        accused = self.producer.violations
        assert self.reserve(self.channel.largest) != 0
        assert self.producer.violations == accused

    @invariant()
    def it_writes_no_further_than_there_is_room(self) -> None:
        if hasattr(self, "channel"):
            assert wrapped(self.channel.sent - self.producer.head) <= self.memory


def test_a_lying_consumer_does_no_harm(jit: Jit) -> None:
    check(LyingConsumer, jit)


@pytest.mark.long
def test_a_lying_consumer_does_no_harm_for_longer(jit: Jit) -> None:
    check(LyingConsumer, jit, LONG)
