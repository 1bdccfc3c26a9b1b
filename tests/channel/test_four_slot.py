"""A four-slot register has the value that was written last, and no lie about it does any harm."""

from __future__ import annotations

import ctypes
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

from questv.channel import four_slot
from questv.channel.four_slot import ReaderArea, WriterArea
from questv.metal.jit import Jit
from questv.metal.structs import offsetof

from .areas import Register
from .machines import LONG, check

SIZES = st.one_of(st.integers(1, 130), st.integers(1, 4096))
LATEST, NEWEST = offsetof(WriterArea, "latest"), offsetof(WriterArea, "newest")
READING = offsetof(ReaderArea, "reading")


class Machine(RuleBasedStateMachine):
    """A register, and calls that check where its code leads."""

    jit: ClassVar[Jit]
    register: Register

    @initialize(size=SIZES, at_end=st.booleans())
    def start(self, size: int, at_end: bool) -> None:
        self.size = size
        self.register = Register(size, at_end=at_end)
        self.random = Random(size)
        self.written = [b""]  # every value, by its number
        self.place = 0  # of the value that is being written
        self.reads = 0, b""  # where the value is that was read last
        self.last = 0  # its number

    def begin_write(self) -> int:
        """Where the next value goes: the start of a slot."""
        place: int = self.jit[four_slot.begin_write](self.register.writer)
        slot, rest = divmod(place - self.register.data.own, self.register.stride)
        assert 0 <= slot < 4
        assert rest == 0
        return place

    def begin_read(self) -> int:
        """Where the newest value is, 0 if there is none: the start of a slot."""
        place: int = self.jit[four_slot.begin_read](self.register.reader)
        slot, rest = divmod(place - self.register.data.peer, self.register.stride)
        assert place == 0 or (0 <= slot < 4 and rest == 0)
        return place

    def write(self) -> None:
        value = self.random.randbytes(self.size)
        ctypes.memmove(self.begin_write(), value, self.size)
        self.jit[four_slot.end_write](self.register.writer)
        self.written.append(value)

    def teardown(self) -> None:
        if hasattr(self, "register"):
            self.register.close()


# ---- both sides are honest -------------------------------------------------------------------


class Newest(Machine):
    """The two sides take turns, also within a write and while a value is read."""

    @rule()
    def write_at_once(self) -> None:
        self.write()
        self.place = 0

    @rule()
    def write_the_first_half(self) -> None:
        """Begin, or begin again."""
        self.place = self.begin_write()
        self.half = self.random.randbytes(self.size)
        ctypes.memmove(self.place, self.half, self.size // 2)

    @rule()
    def write_the_second_half(self) -> None:
        if self.place:
            ctypes.memmove(self.place, self.half, self.size)
            self.jit[four_slot.end_write](self.register.writer)
            self.written.append(self.half)
            self.place = 0

    @rule()
    def read(self) -> None:
        place = self.begin_read()
        self.last = len(self.written) - 1
        assert (place == 0) == (self.last == 0)
        self.reads = place, self.written[self.last]

    @rule()
    def look(self) -> None:
        news = self.jit[four_slot.has_news](self.register.reader)
        assert news == (self.last < len(self.written) - 1)

    @invariant()
    def what_is_read_stays_whole(self) -> None:
        if hasattr(self, "register"):
            place, value = self.reads
            assert ctypes.string_at(place, len(value)) == value
            assert self.register.published == len(self.written) - 1


def test_a_register_has_the_newest_value(jit: Jit) -> None:
    check(Newest, jit)


@pytest.mark.long
def test_a_register_has_the_newest_value_for_longer(jit: Jit) -> None:
    check(Newest, jit, LONG)


# ---- one side is hostile ---------------------------------------------------------------------

WORDS = st.one_of(st.integers(0, 9), st.integers(0, 2**64 - 1))


class LyingWriter(Machine):
    """Anything may stand in the writer's area."""

    @rule(offset=st.sampled_from([8, LATEST, NEWEST, NEWEST + 8]), word=WORDS)
    def scribble(self, offset: int, word: int) -> None:
        self.register.say(self.register.sending, offset, word)

    @rule()
    def read(self) -> None:
        place = self.begin_read()
        ctypes.string_at(place, self.size if place else 0)
        reading = self.register.receiving.read(READING, 4)
        assert int.from_bytes(reading, "little") in (0, 1)

    @rule()
    def look(self) -> None:
        self.jit[four_slot.has_news](self.register.reader)

    @rule()
    def look_and_read(self) -> None:
        """Each lie is believed once: a task that waits for news and reads it comes to sleep."""
        self.jit[four_slot.has_news](self.register.reader)
        self.begin_read()
        assert not self.jit[four_slot.has_news](self.register.reader)

    @rule(ahead=st.integers(0, 9))
    def be_honest(self, ahead: int) -> None:
        """Go on with the numbers of whatever was read last; there is news, and it is read."""
        writer = self.register.writer
        self.begin_read()
        reader = self.register.reader
        writer.count = (reader.news + 2 * ahead) % 2**62
        if (writer.count + 2) // 2 == reader.answered // 2:  # who has lied about it is not heard
            writer.count += 2
        self.write()
        assert self.jit[four_slot.has_news](self.register.reader)
        place = self.begin_read()
        assert ctypes.string_at(place, self.size) == self.written[-1]
        assert not self.jit[four_slot.has_news](self.register.reader)
        self.write()
        assert self.jit[four_slot.has_news](self.register.reader)


def test_a_lying_writer_does_no_harm(jit: Jit) -> None:
    check(LyingWriter, jit)


class LyingReader(Machine):
    """Anything may stand in the reader's area."""

    @rule(word=st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1)))
    def scribble(self, word: int) -> None:
        self.register.say(self.register.receiving, READING, word, 4)

    @rule()
    def write_on(self) -> None:
        self.write()

    @rule()
    def be_honest(self) -> None:
        """A read finds the newest value, whatever was said before."""
        if len(self.written) > 1:
            assert ctypes.string_at(self.begin_read(), self.size) == self.written[-1]

    @invariant()
    def values_are_counted(self) -> None:
        if hasattr(self, "register"):
            assert self.register.published == len(self.written) - 1


def test_a_lying_reader_does_no_harm(jit: Jit) -> None:
    check(LyingReader, jit)


@pytest.mark.long
@pytest.mark.parametrize("machine", [LyingWriter, LyingReader])
def test_liars_do_no_harm_for_longer(jit: Jit, machine: type[Machine]) -> None:
    check(machine, jit, LONG)


@pytest.mark.parametrize("size", [1, 63, 64, 65, 4096, 2**32])
def test_slots_begin_with_a_cache_line(jit: Jit, size: int) -> None:
    assert jit[four_slot.stride](size) == -(-size // 64) * 64
