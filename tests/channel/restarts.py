"""Kernels at both ends of a channel that are restarted at any step, for exploration.

A side's first life ends before one of its events, whichever; what it leaves in its area, and what
a hostile one scribbles there then, its later life finds. That one starts as a kernel does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Mapping, Sequence
from typing import Any

from questv.channel import four_slot, sleep
from questv.channel import ring as ring_
from questv.channel.four_slot import ReaderArea, WriterArea
from questv.channel.sleep import Area
from questv.kernel import channels, doorbells
from questv.kernel.doorbells import FOREVER, Wait
from questv.kernel.info import EndInfo, EndKind
from questv.metal.interpret.events import Access, Event, Steps, Store
from questv.metal.interpret.interpreter import Model, perform
from questv.metal.lang import RELEASE
from questv.metal.structs import Struct, offsetof

from . import drivers, sides
from .blocking import VECTOR, Kernel
from .scenarios import HERE, RING
from .sides import RECEIVING, SENDING, Shape, Side
from .weak.explore import Await, Choose, Explorer, Poll, Ring

LATER = 100
"""Messages and values of the sender's later life are numbered from here on."""
SESSION = 1000
"""Of every later life: no two that are at the ends of one channel have to differ."""
GARBAGE = 77
"""What a hostile side sends in its first life."""
_BELL = offsetof(Wait, "bell")
UP = "up"
"""The doorbell of an observer who sees that the receiver has been restarted."""

Scribbles = Sequence[tuple[int, int, int]]
"""Addresses, sizes and values that a hostile side leaves."""


class Death(Exception):  # noqa: N818 - it is no error
    """A life ends."""


class Mortal:
    """Runs code of a life that can end before any store."""

    def __init__(self, side: Side, *, mortal: bool) -> None:
        self._side, self._mortal = side, mortal

    def run(self, steps: Steps[Any]) -> Steps[Any]:
        """Go on with a run; raises Death if the life ends."""
        answer = None
        while True:
            try:
                event = steps.send(answer)
            except StopIteration as end:
                return end.value
            if isinstance(event, Access) and not self._side.is_shared(event.address):
                answer = perform(event, self._side.memory)  # a consumer's own empty header
                continue
            if self._mortal and _is_visible(event) and (yield Choose(HERE)):
                raise Death
            answer = yield event


def _is_visible(event: Event) -> bool:
    """Whether it matters if a life ends before this, and not only before what comes later."""
    if isinstance(event, Store):
        return event.order is not None
    return isinstance(event, Await | Ring)


class Life(Kernel):
    """One life of the kernel at one end of a channel; it can end before any store if ``mortal``.

    A doorbell that comes before a sleep is announced may be lost or may come later; one that comes
    afterwards ends the sleep. That this is all that interrupts come to, ``blocking`` explores.
    """

    def __init__(
        self,
        shape: Shape,
        kind: EndKind,
        size: int,
        *,
        session: int = 0,
        mortal: bool = False,
    ) -> None:
        ends: dict[EndKind, type[Struct]] = {
            EndKind.SENDER: channels.Sender,
            EndKind.RECEIVER: channels.Receiver,
            EndKind.WRITER: channels.Writer,
            EndKind.READER: channels.Reader,
        }
        self._session, self._mortal = session, mortal
        super().__init__(shape, ends[kind](), sends=kind in (EndKind.SENDER, EndKind.WRITER))
        self._interrupts = False
        self._life = Mortal(self.side, mortal=mortal)
        own, peer = (SENDING, RECEIVING) if self._sends else (RECEIVING, SENDING)
        self._info = self.side.place(
            EndInfo(kind=kind, object=self.end, own=own, peer=peer, size=size, bell_vector=VECTOR)
        )
        if session == 0:
            self.side.domain.run(channels.start_end, self._info, 0)

    def _more_models(self) -> dict[Any, Model]:
        return {doorbells.announce: self._announce, doorbells.sleep: self._sleep}

    def _read_tsc(self) -> Steps[int]:
        yield from ()
        return self._session

    def start(self) -> Steps[None]:
        """What the kernel of a later life does before its tasks run."""
        steps = self.side.domain.call(channels.start_end, self._info, self._session)
        yield from self._life.run(steps)

    def call(self, function: Any, *arguments: int) -> Steps[int]:
        """Run a function with the end as its first argument; raises Death if the life ends."""
        return (yield from self._life.run(super().call(function, *arguments))) or 0

    def _announce(self, wait: int) -> Steps[None]:
        yield Poll(HERE, self._name)
        yield from self.side.domain.call(sleep.announce_sleep, wait + _BELL, self._own)

    def _sleep(self, _wait: int, _deadline: int) -> Steps[None]:
        yield Await(HERE, self._name, in_vain=self._mortal)


def leave(bell: str, scribbles: Scribbles) -> Steps[None]:
    """What a hostile side still does; then its core is reset, and may lose a doorbell."""
    for address, size, value in scribbles:
        yield Store(HERE, address, size, RELEASE, value)
    yield Poll(HERE, bell)


# ---- rings -----------------------------------------------------------------------------------

LENGTH = sides.ring_message(RING)


def polled_ring(
    sends: int,
    later_sends: int,
    *,
    dying: Container[str],
    mortal: bool,
    lies: Mapping[str, Scribbles] | None = None,
    looks: tuple[int, int] = (1, 3),
    attempts: int = 2,
) -> Explorer:
    """Restarts of those that are ``dying``, without sleep: what arrives is in order.

    The producer tries to send some messages, and then later ones, the consumer looks for messages
    some times and then some times more; who is dying is restarted in between, or if ``mortal``
    before any store until then. A producer that is not mortal sends all that it can, and that
    arrives before what it sends in its later life. What a hostile one leaves are its ``lies``.
    """
    lies = lies or {}
    shape = sides.ring_shape(RING)
    base = LATER if "producer" in dying else sends

    def produce() -> Steps[tuple[int, ...]]:
        sent = []
        side = Side(shape, sends=True)
        own = side.place(sides.producer(RING))
        life = Mortal(side, mortal=mortal and "producer" in dying)

        def send(numbers: range) -> Steps[None]:
            for number in numbers:
                for _ in range(attempts):
                    if (yield from life.run(side.domain.call(drivers.send, own, LENGTH, number))):
                        sent.append(number)
                        break
                if "consumer" in dying:  # it may have been heard
                    yield from life.run(side.domain.call(ring_.start_if_accepted, own))

        with contextlib.suppress(Death):
            yield from send(range(1, sends + 1))
        if "producer" in dying:
            yield from leave("sender", lies.get("producer", ()))
            side = Side(shape, sends=True)
            own = side.place(sides.producer(RING))
            life = Mortal(side, mortal=False)
            yield from life.run(side.domain.call(drivers.restart_producer, own, SESSION))
        yield from send(range(base + 1, base + later_sends + 1))
        found = side.memory.view(ring_.Producer, own)
        assert "consumer" in lies or found.violations == 0, "an honest consumer was accused"
        return tuple(sent)

    def consume() -> Steps[tuple[int, ...]]:
        seen: list[int] = []
        side = Side(shape, sends=False)
        own = side.place(sides.consumer(RING))
        life = Mortal(side, mortal=mortal and "consumer" in dying)

        def look(times: int, before: int) -> Steps[None]:
            for _ in range(times):
                if "producer" in lies:
                    receive = side.domain.call(drivers.receive_anything, own, GARBAGE)
                else:
                    receive = side.domain.call(drivers.receive, own)
                number = yield from life.run(receive)
                last = seen[-1] if seen else 0
                if number and "producer" in lies and max(number, last) <= LATER:
                    seen.append(number)
                elif number:
                    assert number > last, f"message {number} came after message {last}"
                    if len(seen) > before:
                        is_last = mortal or last == sends or "producer" in lies
                        is_next = number == last + 1 or (number == LATER + 1 and is_last)
                        assert is_next, f"message {number} came after message {last}"
                    seen.append(number)
                else:
                    yield from life.run(side.domain.call(drivers.keep_up, own))

        with contextlib.suppress(Death):
            yield from look(looks[0], 0)
        before = 0
        if "consumer" in dying:
            yield from leave("receiver", lies.get("consumer", ()))
            before = len(seen)
            side = Side(shape, sends=False)
            own = side.place(sides.consumer(RING))
            life = Mortal(side, mortal=False)
            yield from life.run(side.domain.call(drivers.restart_consumer, own, SESSION))
        yield from look(looks[1], before)
        found = side.memory.view(ring_.Consumer, own)
        assert "producer" in lies or found.violations == 0, "an honest producer was accused"
        return tuple(seen)

    return Explorer({"producer": produce, "consumer": consume}, shape.shared)


_TAKEN = LENGTH + ring_.HEADER
PRODUCER_LIES: Scribbles = (
    (SENDING + ring_.DATA_OFFSET, 4, _TAKEN),
    (SENDING + ring_.DATA_OFFSET + _TAKEN, 4, _TAKEN),
    (SENDING + offsetof(Area, "accepted"), 8, 0),
    (SENDING + offsetof(Area, "session"), 8, SESSION - 2),
)
"""Messages that there are not, and a session, for which the ring is said to be started."""
CONSUMER_LIES: Scribbles = (
    (RECEIVING + offsetof(Area, "position"), 8, _TAKEN),
    (RECEIVING + offsetof(Area, "accepted"), 8, 0),
    (RECEIVING + offsetof(Area, "session"), 8, SESSION - 2),
    (RECEIVING + offsetof(Area, "position"), 8, 8),
)
"""A session that has accepted the producer's, and positions before and after that."""


def ring(
    sends: int,
    later_sends: int,
    *,
    producer: Scribbles | None = None,
    consumer: Scribbles | None = None,
    receives: int = 1,
) -> Explorer:
    """Restarts of the producer, the consumer or both, and what each leaves; None: it lives on.

    The producer sends some messages and then some later ones; before these it is restarted, or has
    waited until the consumer was. A consumer that is to be restarted receives so many at most
    before. The last message arrives, and so do all of which it is not said that they may be lost:
    in their order, no message of the first life after one of the second, and none twice.
    """
    shape = sides.ring_shape(RING)
    base = sends if producer is None else LATER
    last = base + later_sends

    def produce() -> Steps[tuple[int, int]]:
        life = Life(shape, EndKind.SENDER, RING, mortal=producer is not None)
        begun, done = 0, 0  # messages that were begun to be sent, and that were
        try:
            for number in range(1, sends + 1):
                room = yield from life.call(channels.Sender.reserve, LENGTH, FOREVER)
                yield from life.side.domain.call(drivers.fill, room, LENGTH, number)
                begun = number
                yield from life.call(channels.Sender.commit)
                done = number
                yield from _is_heard(life)
        except Death:
            pass
        if producer is not None:
            yield from leave("sender", producer)
            life = Life(shape, EndKind.SENDER, RING, session=SESSION)
            yield from life.start()
        if consumer is not None:
            yield Await(HERE, UP, in_vain=True)
        for number in range(base + 1, last + 1):
            room = yield from life.call(channels.Sender.reserve, LENGTH, FOREVER)
            yield from life.side.domain.call(drivers.fill, room, LENGTH, number)
            yield from life.call(channels.Sender.commit)
            yield from _is_heard(life)
        found = life.side.memory.view(channels.Sender, life.end)
        assert consumer or found.producer.violations == 0, "an honest consumer was accused"
        return begun, done

    def consume() -> Steps[tuple[int, ...]]:
        life = Life(shape, EndKind.RECEIVER, RING, mortal=consumer is not None)
        seen: list[int] = []
        try:
            while last not in seen and not (consumer is not None and len(seen) >= receives):
                yield from _receive(life, seen, 0, hostile=bool(producer))
        except Death:
            pass
        if consumer is not None:
            yield from leave("receiver", consumer)
            life, before = Life(shape, EndKind.RECEIVER, RING, session=SESSION), len(seen)
            yield from life.start()
            yield Ring(HERE, UP)
            while last not in seen:
                yield from _receive(life, seen, before, hostile=bool(producer))
        found = life.side.memory.view(channels.Receiver, life.end)
        assert producer or found.consumer.violations == 0, "an honest producer was accused"
        assert consumer is not None or found.wait.counters.resets == int(producer is not None)
        return tuple(seen)

    threads = {"producer": produce, "consumer": consume}
    return Explorer(threads, shape.shared)


def _is_heard(life: Life) -> Steps[None]:
    """Whoever has rung for a later life knows it."""
    yield from ()
    wait = life.side.memory.view(channels.Sender, life.end).wait
    assert wait.bell.rung < SESSION or wait.bell.known == SESSION, "it rang for a stranger"


def _receive(life: Life, seen: list[int], before: int, *, hostile: bool) -> Steps[None]:
    """Receive a message after those that were ``seen``, ``before`` of them in an earlier life."""
    message = yield from life.call(channels.Receiver.receive, FOREVER)
    length = yield from life.side.domain.call(channels.Receiver.length, life.end)
    assert length is not None
    reads = drivers.read_anything if hostile else drivers.read
    number = yield from life.side.domain.call(reads, message, length)
    assert number is not None
    last = seen[-1] if seen else 0
    if not (hostile and last < LATER and number <= LATER):
        assert length == LENGTH, f"a message of {length} bytes"
        is_next = number in (last + 1, LATER + 1) if len(seen) > before else True
        assert number > last and is_next, f"message {number} came after message {last}"
    seen.append(number)
    yield from life.call(channels.Receiver.done)


# ---- four-slot registers ---------------------------------------------------------------------

SIZE = 16
_NEWEST = SENDING + offsetof(WriterArea, "newest")
WRITER_LIES: Scribbles = (
    (_NEWEST, 8, SESSION - 1),
    (_NEWEST + 8, 8, 2**64 - 1),
    (SENDING + offsetof(WriterArea, "latest"), 8, SESSION - 2),
    (_NEWEST, 8, SESSION - 2),
)
"""Values that there are not, of high numbers, in either slot of a pair."""
READER_LIES: Scribbles = (
    (RECEIVING + offsetof(ReaderArea, "reading"), 4, 0xFFFF),
    (RECEIVING + offsetof(ReaderArea, "reading"), 4, 0xFFFE),
)
"""It reads the one pair, and the other."""


def polled_register(
    writes: int,
    later_writes: int,
    reads: tuple[int, int],
    *,
    dying: Container[str],
    mortal: bool,
    lies: Mapping[str, Scribbles] | None = None,
) -> Explorer:
    """Restarts of those that are ``dying``, without sleep, at an end or before any store.

    What is read is whole and no older than what was read before, also in an earlier life of the
    reader or the writer; and what is news is newer, but that a value of the writer's later life may
    be news twice if it was found by what the earlier one had said. Lies can lead back once.
    """
    lies = lies or {}
    shape = sides.four_slot_shape(SIZE)
    base = LATER if "writer" in dying else writes

    def write() -> Steps[int]:
        side = Side(shape, sends=True)
        own = side.place(sides.writer(SIZE))
        life = Mortal(side, mortal=mortal and "writer" in dying)
        done = 0
        try:
            for number in range(1, writes + 1):
                yield from life.run(side.domain.call(drivers.write, own, number))
                done = number
        except Death:
            pass
        if "writer" in dying:
            yield from leave("sender", lies.get("writer", ()))
            side = Side(shape, sends=True)
            own = side.place(sides.writer(SIZE))
            yield from side.domain.call(drivers.restart_writer, own, SESSION)
        for number in range(base + 1, base + later_writes + 1):
            yield from side.domain.call(drivers.write, own, number)
        return done

    def read() -> Steps[tuple[int, ...]]:
        seen: list[int] = []
        side = Side(shape, sends=False)
        own = side.place(sides.reader(SIZE))
        life = Mortal(side, mortal=mortal and "reader" in dying)

        def look(times: int, *, begins_anew: bool) -> Steps[None]:
            found = side.memory.view(four_slot.Reader, own)
            for turn in range(times):
                is_first = begins_anew and turn == 0
                # It came to a value of the later life by what the earlier one had said.
                was_late = found.answered < SESSION < found.news
                news = yield from life.run(side.domain.call(four_slot.has_news, own))
                reads = drivers.newest_anything if "writer" in lies else drivers.newest
                arguments = (GARBAGE,) if "writer" in lies else ()
                number = yield from life.run(side.domain.call(reads, own, *arguments))
                assert number is not None
                last = seen[-1] if seen else 0
                may_be_older = "writer" in lies and (was_late or max(number, last) < LATER)
                may_be_older |= "reader" in lies and turn == 1  # its lies have misled the writer
                assert number >= last or may_be_older, f"value {number} came after value {last}"
                is_news = number > last or is_first or was_late or may_be_older
                assert is_news or not news, f"value {number} was news after value {last}"
                seen.append(number)

        with contextlib.suppress(Death):
            yield from look(reads[0], begins_anew=True)
        if "reader" in dying:
            yield from leave("receiver", lies.get("reader", ()))
            side = Side(shape, sends=False)
            own = side.place(sides.reader(SIZE))
            life = Mortal(side, mortal=False)
        yield from look(reads[1], begins_anew="reader" in dying)
        return tuple(seen)

    return Explorer({"writer": write, "reader": read}, shape.shared)


def register(
    writes: int,
    later_writes: int,
    *,
    writer: Scribbles | None = None,
    reader: Scribbles | None = None,
    reads: int = 1,
) -> Explorer:
    """A reader that waits for news comes to read the last value, though sides are restarted.

    As with ``ring``: the later values are written when the writer or the reader was restarted.
    """
    shape = sides.four_slot_shape(SIZE)
    base = writes if writer is None else LATER
    last = base + later_writes

    def write() -> Steps[None]:
        life = Life(shape, EndKind.WRITER, SIZE, mortal=writer is not None)

        def publish(numbers: range) -> Steps[None]:
            for number in numbers:
                place = yield from life.call(channels.Writer.begin, SIZE)
                yield from life.side.domain.call(drivers.fill, place, SIZE, number)
                yield from life.call(channels.Writer.publish)

        with contextlib.suppress(Death):
            yield from publish(range(1, writes + 1))
        if writer is not None:
            yield from leave("sender", writer)
            life = Life(shape, EndKind.WRITER, SIZE, session=SESSION)
            yield from life.start()
        if reader is not None:
            yield Await(HERE, UP, in_vain=True)
        yield from publish(range(base + 1, last + 1))

    def read() -> Steps[tuple[int, ...]]:
        life = Life(shape, EndKind.READER, SIZE, mortal=reader is not None)
        seen: list[int] = []

        def look() -> Steps[None]:
            assert (yield from life.call(channels.Reader.await_news, FOREVER))
            value = yield from life.call(channels.Reader.newest, SIZE)
            number = yield from life.side.domain.call(drivers.read_anything, value, SIZE)
            assert number is not None
            seen.append(number)

        try:
            while last not in seen and not (reader is not None and len(seen) >= reads):
                yield from look()
        except Death:
            pass
        if reader is not None:
            yield from leave("receiver", reader)
            life = Life(shape, EndKind.READER, SIZE, session=SESSION)
            yield from life.start()
            yield Ring(HERE, UP)
            while last not in seen:
                yield from look()
        return tuple(seen)

    return Explorer({"writer": write, "reader": read}, shape.shared)
