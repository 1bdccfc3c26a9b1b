"""Ends find each other again after any row of restarts, whatever an earlier life has left."""

from __future__ import annotations

import ctypes
from collections import deque
from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from questv.channel import four_slot, ring
from questv.channel.four_slot import FIRST_NEWS, Reader, ReaderArea, Writer, WriterArea
from questv.channel.ring import Consumer, Producer
from questv.channel.sleep import NOBODY, Area
from questv.metal.jit import Jit
from questv.metal.structs import offsetof

from . import drivers, test_four_slot, test_ring
from .areas import Stretch
from .machines import LONG, check
from .test_ring import LENGTHS, SIZES, WORDS

SESSION, ACCEPTED = offsetof(Area, "session"), offsetof(Area, "accepted")
LIES = st.lists(st.tuples(st.integers(0, 511), WORDS), max_size=8)
"""Words of an area, and what is written there."""
SESSIONS = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1))


class Restarts(test_ring.Machine):
    """Both sides are honest, but for what they do before a restart."""

    @initialize(size=SIZES, at_end=st.booleans(), seed=st.integers(0, 2**32))
    def start(self, size: int, at_end: bool, seed: int) -> None:
        self.prepare(size, 0, at_end)
        self.random = Random(seed)
        self.now = 2**40  # sessions are times, and nobody guesses one that is to come
        self.sent: deque[bytes] = deque()  # what is to arrive
        self.is_garbled = False  # a life of the producer has left lies, to be read first,
        self.honest: set[int] = set()  # before what those with these sessions send

    def next_session(self) -> int:
        self.now += 2 * self.random.randrange(5_000, 10_000)
        return self.now

    def lie(self, area: Stretch, words: list[tuple[int, int]], said: tuple[int, int]) -> None:
        """Scribble over an area; it says a session and one that it accepts."""
        for place, word in words:
            self.channel.say(area, 8 * place % (area.size // 8 * 8), word)
        self.channel.say(area, SESSION, said[0])
        self.channel.say(area, ACCEPTED, said[1])

    # ---- restarts ----------------------------------------------------------------------------

    def restart_producer(self) -> None:
        before = self.producer
        self.producer = Producer(
            own=before.own,
            peer=before.peer,
            data=before.data,
            end=before.end,
            size=before.size,
            cursor=before.data,
            origin=before.data,
        )
        self.jit[drivers.restart_producer](self.producer, self.next_session())
        self.honest.add(int(self.producer.session))

    def restart_consumer(self) -> None:
        before = self.consumer
        self.consumer = Consumer(
            own=before.own,
            peer=before.peer,
            data=before.data,
            end=before.end,
            cursor=before.data,
            next=before.data,
            origin=before.data,
        )
        self.jit[drivers.restart_consumer](self.consumer, self.next_session())

    @rule()
    def producer_is_restarted(self) -> None:
        self.restart_producer()

    @rule()
    def consumer_is_restarted(self) -> None:
        self.restart_consumer()

    @rule(words=LIES, said=st.tuples(SESSIONS, SESSIONS), looks=st.integers(0, 9))
    def producer_lies(
        self, words: list[tuple[int, int]], said: tuple[int, int], looks: int
    ) -> None:
        """It scribbles, the consumer looks, and it is restarted."""
        self.is_garbled, self.honest = True, set()
        self.lie(self.channel.data, words, said)
        self.lie(self.channel.sending, [], said)
        for _ in range(looks):
            self.receive()
        self.restart_producer()

    @rule(taken=st.integers(8, 64), looks=st.integers(0, 9))
    def producer_leads_in_a_circle(self, taken: int, looks: int) -> None:
        """Messages to the ring's end, and from there to its beginning."""
        self.is_garbled, self.honest = True, set()
        place, step = 0, -(-taken // 8) * 8
        while place + step < self.memory:
            self.channel.say(self.channel.data, place, taken, 4)
            place += step
        self.channel.say(self.channel.data, place, ring.SKIP, 4)
        for _ in range(looks):
            self.receive()
        self.restart_producer()

    @rule(said=st.tuples(SESSIONS, SESSIONS), positions=st.lists(WORDS, max_size=4))
    def consumer_lies(self, said: tuple[int, int], positions: list[int]) -> None:
        """It scribbles, the producer sends, and it is restarted."""
        self.lie(self.channel.receiving, [], said)
        for position in positions:
            self.channel.say(self.channel.receiving, 0, position)
            self.sends(self.channel.largest)
        self.restart_consumer()

    # ---- messages ----------------------------------------------------------------------------

    @rule(length=LENGTHS)
    def send(self, length: int) -> None:
        self.sends(length % (self.channel.largest + 1))

    def sends(self, length: int) -> bool:
        joined = self.producer.joined
        room = self.reserve(length)
        if self.producer.joined != joined:
            self.sent.clear()
        if room:
            message = self.random.randbytes(length)
            ctypes.memmove(room, message, length)
            self.jit[ring.commit](self.producer)
            self.sent.append(message)
        return room != 0

    @rule()
    def the_producer_hears_of_a_restart(self) -> None:
        """It rings after a commit."""
        joined = self.producer.joined
        self.jit[ring.start_if_accepted](self.producer)
        if self.producer.joined != joined:
            self.sent.clear()

    @rule()
    def receive(self) -> None:
        message = self.peek()
        if message is None:
            if self.is_open and not self.is_garbled:
                assert not self.sent, "a message is lost"
            self.jit[drivers.keep_up](self.consumer)
            self.is_garbled = self.is_garbled and int(self.consumer.joined) not in self.honest
        else:
            if not self.is_garbled:
                assert message == self.sent.popleft()
            self.jit[ring.consume](self.consumer)

    @property
    def is_open(self) -> bool:
        """Whether the consumer reads the ring of some life."""
        return int(self.consumer.joined) != NOBODY

    @rule(length=LENGTHS)
    def go_on(self, length: int) -> None:
        """Both take their turns; soon messages go through, after no more than a ring of lies."""
        for _ in range(2 * self.memory // 8 + 10):
            self.receive()
            if (
                self.producer.joined == self.consumer.session
                and self.peek() is None
                and self.agreed
            ):
                break
            self.the_producer_hears_of_a_restart()
        assert self.agreed
        self.is_garbled = False
        assert self.sends(length % (self.channel.largest + 1))
        self.receive()
        assert not self.sent

    @property
    def agreed(self) -> bool:
        """Whether each side is set up for the other."""
        ours, theirs = self.producer, self.consumer
        return bool(ours.joined == theirs.session and theirs.joined == ours.session)

    @invariant()
    def addresses_stay_in_the_ring(self) -> None:
        if hasattr(self, "channel"):
            producer, consumer = self.producer, self.consumer
            assert producer.data <= producer.cursor < producer.end
            assert not self.is_open or consumer.data <= consumer.cursor < consumer.end


def test_a_ring_after_restarts(jit: Jit) -> None:
    check(Restarts, jit)


@pytest.mark.long
def test_a_ring_after_restarts_for_longer(jit: Jit) -> None:
    check(Restarts, jit, LONG)


# ---- four-slot registers ---------------------------------------------------------------------


class RestartedRegister(test_four_slot.Machine):
    """A register whose sides scribble, and are restarted."""

    now = 2**40

    def next_session(self) -> int:
        self.now += 2 * self.random.randrange(5_000, 10_000)
        return self.now

    @rule(
        words=st.lists(
            st.tuples(
                st.sampled_from([0, 8]),
                st.one_of(test_four_slot.WORDS, st.integers(2**40, 2**40 + 2000)),
            ),
            max_size=6,
        ),
        reads=st.integers(0, 3),
    )
    def writer_is_restarted(self, words: list[tuple[int, int]], reads: int) -> None:
        """Whatever it has said before, what it writes now is news, and whole."""
        register = self.register
        for place, word in words:
            register.say(register.sending, offsetof(WriterArea, "newest") + place, word)
            register.say(register.sending, offsetof(WriterArea, "latest"), word ^ 1)
            for _ in range(reads):
                self.jit[four_slot.has_news](register.reader)
                self.begin_read()
        before = register.writer
        register.writer = Writer(
            own=before.own, peer=before.peer, size=before.size, places=list(before.places)
        )
        self.jit[drivers.restart_writer](register.writer, self.next_session())
        self.writes_news()

    @precondition(lambda self: len(self.written) > 1)
    @rule(word=st.integers(0, 2**32 - 1))
    def reader_is_restarted(self, word: int) -> None:
        """It finds the newest value as news."""
        register = self.register
        register.say(register.receiving, offsetof(ReaderArea, "reading"), word, 4)
        before = register.reader
        register.reader = Reader(
            own=before.own,
            peer=before.peer,
            size=before.size,
            places=list(before.places),
            news=FIRST_NEWS,
        )
        assert self.jit[four_slot.has_news](register.reader)
        self.reads_last()

    @rule()
    def writes_news(self) -> None:
        self.write()
        assert self.jit[four_slot.has_news](self.register.reader)
        self.reads_last()

    def reads_last(self) -> None:
        place = self.begin_read()
        assert ctypes.string_at(place, self.size) == self.written[-1]
        assert not self.jit[four_slot.has_news](self.register.reader)

    @rule()
    def what_is_read_stays_whole(self) -> None:
        """A restarted writer does not write where the reader reads, or to the newest value."""
        if len(self.written) > 1:
            register = self.register
            place = self.begin_read()
            newest = self.written[-1]
            before = register.writer
            register.writer = Writer(
                own=before.own, peer=before.peer, size=before.size, places=list(before.places)
            )
            self.jit[drivers.restart_writer](register.writer, self.next_session())
            assert ctypes.string_at(self.begin_read(), self.size) == newest
            self.write()
            self.write()
            assert ctypes.string_at(place, self.size) == newest


def test_a_register_after_restarts(jit: Jit) -> None:
    check(RestartedRegister, jit)


@pytest.mark.long
def test_a_register_after_restarts_for_longer(jit: Jit) -> None:
    check(RestartedRegister, jit, LONG)
