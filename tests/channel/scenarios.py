"""Threads that use a channel, and what must hold for them, for exploration."""

from __future__ import annotations

from collections.abc import Callable

from questv.channel import four_slot, sleep
from questv.channel import ring as ring_
from questv.channel.ring import Producer
from questv.metal.interpret.events import Load, Site, Steps
from questv.metal.lang import ACQUIRE
from questv.metal.structs import offsetof

from . import drivers, sides
from .sides import RECEIVING, SENDING, Shape, Side
from .weak.explore import Await, Explorer, Poll, Ring

RING = 64
"""Bytes of the rings: the smallest there is."""
FULL_AFTER_TWO = 8
"""A position from which the ring takes two of its longest messages, and no third."""
OLD = 99
"""The number of a message that nobody must find."""

LATEST = SENDING + offsetof(four_slot.WriterArea, "latest")

HERE = Site("the kernel", 0, 0)


# ---- rings -----------------------------------------------------------------------------------


def ring(lengths: tuple[int, ...], attempts: int, looks: int, position: int = 0) -> Explorer:
    """What arrives is what was sent, in its order, from the first message on.

    The producer tries each message of ``lengths`` bytes a few times and then gives up, the
    consumer looks some times. Both begin after ``position`` bytes; at the ring's start there is
    still a message of the lap before. Each returns how many messages it has sent or received.
    """
    shape = sides.ring_shape(RING)

    def produce() -> Steps[int]:
        side = Side(shape, sends=True)
        own = side.place(sides.producer(RING, written=position, read=position))
        for number, length in enumerate(lengths, 1):
            for _ in range(attempts):
                if (yield from side.domain.call(drivers.send, own, length, number)):
                    break
            else:
                return number - 1
        return len(lengths)

    def consume() -> Steps[int]:
        side = Side(shape, sends=False)
        own = side.place(sides.consumer(RING, read=position))
        count = 0
        for _ in range(looks):
            number = yield from side.domain.call(drivers.receive, own)
            if number:
                count += 1
                assert number == count, f"message {number} came as number {count}"
        found = side.memory.view(ring_.Consumer, own)
        assert found.violations == 0, "an honest producer was accused"
        return count

    old = sides.ring_contents(RING, 1, first=OLD) if position else {}
    initial = {**old, RECEIVING: position}
    return Explorer({"producer": produce, "consumer": consume}, shape.shared, initial)


# ---- four-slot registers ---------------------------------------------------------------------


def register(writes: int, reads: int, *, counts: bool) -> Explorer:
    """What is read is whole, and no older than what was read before.

    The values are numbered from 1; the reader returns the numbers that it has read. If it
    ``counts``, it looks before each read how many values are published: it reads none older.
    """
    shape = sides.four_slot_shape(16)

    def write() -> Steps[None]:
        side = Side(shape, sends=True)
        own = side.place(sides.writer(16))
        for number in range(1, writes + 1):
            yield from side.domain.call(drivers.write, own, number)

    def read() -> Steps[tuple[int, ...]]:
        side = Side(shape, sends=False)
        own = side.place(sides.reader(16))
        view = side.memory.view(four_slot.Reader, own)
        last, seen = 0, []
        for _ in range(reads):
            latest = (yield Load(HERE, LATEST, 8, ACQUIRE)) if counts else 0
            number = yield from side.domain.call(drivers.newest, own)
            assert latest is not None
            assert number is not None
            taken = view.news // 2 - 1
            assert number == taken, f"value {number} is taken for value {taken}"
            assert number >= last, f"value {number} came after value {last}"
            assert number >= latest // 2, f"value {number} though {latest // 2} was published"
            last = number
            seen.append(number)
        return tuple(seen)

    return Explorer({"writer": write, "reader": read}, shape.shared)


def news(writes: int, looks: int) -> Explorer:
    """When there is news, what is read next is newer than what was read before."""
    shape = sides.four_slot_shape(16)

    def write() -> Steps[None]:
        side = Side(shape, sends=True)
        own = side.place(sides.writer(16))
        for number in range(1, writes + 1):
            yield from side.domain.call(drivers.write, own, number)

    def read() -> Steps[tuple[int, ...]]:
        side = Side(shape, sends=False)
        own = side.place(sides.reader(16))
        seen = [0]
        for _ in range(looks):
            if (yield from side.domain.call(four_slot.has_news, own)):
                number = yield from side.domain.call(drivers.newest, own)
                assert number is not None
                assert number > seen[-1], f"value {number} was news after value {seen[-1]}"
                seen.append(number)
        return tuple(seen[1:])

    return Explorer({"writer": write, "reader": read}, shape.shared)


# ---- sleeping and waking ---------------------------------------------------------------------


class Sleeper:
    """One side that sleeps when there is nothing to do, with the kernel's part played for it.

    A doorbell that comes before a sleep is announced may be lost or may come later; one that
    comes afterwards ends the sleep.
    """

    def __init__(self, shape: Shape, *, sends: bool) -> None:
        self.side = Side(shape, sends=sends)
        self._bell = self.side.place(sleep.Bell())
        self._own, self._peer = (SENDING, RECEIVING) if sends else (RECEIVING, SENDING)
        self._names = ("sender", "receiver") if sends else ("receiver", "sender")

    def wake_peer(self) -> Steps[None]:
        """After a change: ring if the other side sleeps."""
        if (yield from self.side.domain.call(sleep.must_ring, self._bell, self._peer)):
            yield Ring(HERE, self._names[1])

    def wait(self, look: Callable[[], Steps[int | None]]) -> Steps[None]:
        """Sleep, unless a second look finds something."""
        yield Poll(HERE, self._names[0])
        yield from self.side.domain.call(sleep.announce_sleep, self._bell, self._own)
        if (yield from look()):
            yield from self.side.domain.call(sleep.withdraw_sleep, self._own)
        else:
            yield Await(HERE, self._names[0])


def backlogged(messages: int) -> Producer:
    """A producer that has written some of its longest messages, of which none is read."""
    written = FULL_AFTER_TWO + messages * RING // 2
    return sides.producer(RING, written=written, read=FULL_AFTER_TWO)


def sleepy_ring(backlog: int, sends: int, receives: int) -> Explorer:
    """Every message arrives, though both sides sleep whenever they can't go on.

    From ``FULL_AFTER_TWO`` on the ring has ``backlog`` messages at first, and room for two. Then
    some more are sent, and some are received.
    """
    shape = sides.ring_shape(RING)
    length = sides.ring_message(RING)

    def produce() -> Steps[None]:
        sleeper = Sleeper(shape, sends=True)
        call = sleeper.side.domain.call
        own = sleeper.side.place(backlogged(backlog))
        for number in range(backlog + 1, backlog + sends + 1):
            while not (yield from call(drivers.send, own, length, number)):
                yield from sleeper.wait(lambda: call(ring_.has_room, own, length))
            yield from sleeper.wake_peer()

    def consume() -> Steps[None]:
        sleeper = Sleeper(shape, sends=False)
        call = sleeper.side.domain.call
        own = sleeper.side.place(sides.consumer(RING, read=FULL_AFTER_TWO))
        for expected in range(1, receives + 1):
            while not (number := (yield from call(drivers.receive, own))):
                yield from sleeper.wait(lambda: call(ring_.has_message, own))
            assert number == expected, f"message {number} came as number {expected}"
            yield from sleeper.wake_peer()

    threads = {"producer": produce, "consumer": consume}
    contents = sides.ring_contents(RING, backlog, position=FULL_AFTER_TWO)
    return Explorer(threads, shape.shared, contents)


def sleepy_register(writes: int) -> Explorer:
    """A reader that sleeps until there is news comes to read the last value."""
    shape = sides.four_slot_shape(16)

    def write() -> Steps[None]:
        sleeper = Sleeper(shape, sends=True)
        own = sleeper.side.place(sides.writer(16))
        for number in range(1, writes + 1):
            yield from sleeper.side.domain.call(drivers.write, own, number)
            yield from sleeper.wake_peer()

    def read() -> Steps[tuple[int, ...]]:
        sleeper = Sleeper(shape, sends=False)
        call = sleeper.side.domain.call
        own = sleeper.side.place(sides.reader(16))
        seen = [0]
        while seen[-1] < writes:
            while not (yield from call(four_slot.has_news, own)):
                yield from sleeper.wait(lambda: call(four_slot.has_news, own))
            number = yield from call(drivers.newest, own)
            assert number is not None
            assert number > seen[-1], f"value {number} was news after value {seen[-1]}"
            seen.append(number)
        return tuple(seen[1:])

    return Explorer({"writer": write, "reader": read}, shape.shared)
