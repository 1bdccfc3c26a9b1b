"""The kernel's own waiting at both ends of a channel, for exploration.

What runs is the source of ``questv.kernel.channels`` and ``questv.kernel.doorbells``, and of what
they use of channels; played are the processor, the local APIC and the scheduler.
"""

from __future__ import annotations

from typing import Any

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts, read_tsc
from questv.kernel import channels, doorbells, lapic, tasks
from questv.kernel.doorbells import FOREVER
from questv.kernel.info import EndInfo
from questv.metal.interpret.events import Steps
from questv.metal.interpret.interpreter import Model
from questv.metal.structs import Struct, offsetof

from . import drivers, sides
from .scenarios import FULL_AFTER_TWO, HERE, RING, backlogged
from .sides import RECEIVING, SENDING, Shape, Side
from .weak.explore import Await, Explorer, Poll, Ring

VECTOR = 1
SIZE = 16
"""Bytes of a value."""


class Kernel:
    """One side with one end of a channel, whose task is the only one.

    A doorbell that is pending is taken before or after any access that others can see, as long as
    interrupts are on; the handler touches private memory only, so that nobody could tell if it
    were taken at another point in between. While the task waits, the next doorbell is taken.
    """

    def __init__(self, shape: Shape, end: Struct, *, sends: bool) -> None:
        models = {
            disable_interrupts: self._disable,
            enable_interrupts: self._enable,
            lapic.destination: self._destination,
            lapic.send: self._ring,
            tasks.block: self._block,
            tasks.wake_member: self._wake,
            read_tsc: self._read_tsc,
        }
        self.side = Side(shape, sends=sends, models=models | self._more_models())
        self._sends = sends
        self._name, self._peer = ("sender", "receiver") if sends else ("receiver", "sender")
        own, peer = (SENDING, RECEIVING) if sends else (RECEIVING, SENDING)
        self._own = own
        self.end = self.side.place(end)
        wait = self.end + offsetof(type(end), "wait")
        info = self.side.place(EndInfo(own=own, peer=peer, bell_vector=VECTOR))
        self.side.domain.run(doorbells.connect, wait, info)
        self._interrupts = True
        self._ready = True

    def _more_models(self) -> dict[Any, Model]:
        """What else is played."""
        return {}

    def call(self, function: Any, *arguments: int) -> Steps[int]:
        """Run a function with the end as its first argument; the result is its value, if any."""
        steps = self.side.domain.call(function, self.end, *arguments)
        answer = None
        while True:
            try:
                event = steps.send(answer)
            except StopIteration as end:
                return end.value or 0
            yield from self._take()
            answer = yield event
            yield from self._take()

    def _take(self) -> Steps[None]:
        if self._interrupts and (yield Poll(HERE, self._name)):
            yield from self._handle()

    def _handle(self) -> Steps[None]:
        call = self.side.domain.call
        if not (yield from call(doorbells.take, VECTOR)):
            assert (yield from call(doorbells.take_late, VECTOR)), "nobody's doorbell"

    def _disable(self) -> Steps[None]:
        self._interrupts = False
        yield from ()

    def _enable(self) -> Steps[None]:
        self._interrupts = True
        yield from ()

    def _destination(self, _core: int) -> Steps[int]:
        yield from ()
        return 0

    def _ring(self, _destination: int, _vector: int) -> Steps[None]:
        yield Ring(HERE, self._peer)

    def _block(self) -> Steps[None]:
        assert not self._interrupts, "a wake-up could come before the sleep"
        self._ready = False
        while not self._ready:
            yield Await(HERE, self._name)
            yield from self._handle()

    def _wake(self, _task: int, _now: int) -> Steps[None]:
        self._ready = True
        yield from ()

    def _read_tsc(self) -> Steps[int]:
        yield from ()
        return 0


def ring(backlog: int, sends: int, receives: int) -> Explorer:
    """Every message arrives, though both tasks wait whenever they can't go on.

    From ``FULL_AFTER_TWO`` on the ring has ``backlog`` messages at first, and room for two. Then
    some more are sent, and some are received.
    """
    shape = sides.ring_shape(RING)
    length = sides.ring_message(RING)

    def produce() -> Steps[None]:
        kernel = Kernel(shape, channels.Sender(producer=backlogged(backlog)), sends=True)
        for number in range(backlog + 1, backlog + sends + 1):
            room = yield from kernel.call(channels.Sender.reserve, length, FOREVER)
            yield from kernel.side.domain.call(drivers.fill, room, length, number)
            yield from kernel.call(channels.Sender.commit)

    def consume() -> Steps[None]:
        receiver = channels.Receiver(consumer=sides.consumer(RING, read=FULL_AFTER_TWO))
        kernel = Kernel(shape, receiver, sends=False)
        for expected in range(1, receives + 1):
            message = yield from kernel.call(channels.Receiver.receive, FOREVER)
            number = yield from kernel.side.domain.call(drivers.read, message, length)
            assert number == expected, f"message {number} came as number {expected}"
            yield from kernel.call(channels.Receiver.done)

    threads = {"producer": produce, "consumer": consume}
    contents = sides.ring_contents(RING, backlog, position=FULL_AFTER_TWO)
    return Explorer(threads, shape.shared, contents)


def register(writes: int) -> Explorer:
    """A task that waits for news comes to read the last value."""
    shape = sides.four_slot_shape(SIZE)

    def write() -> Steps[None]:
        kernel = Kernel(shape, channels.Writer(writer=sides.writer(SIZE)), sends=True)
        for number in range(1, writes + 1):
            place = yield from kernel.call(channels.Writer.begin, SIZE)
            yield from kernel.side.domain.call(drivers.fill, place, SIZE, number)
            yield from kernel.call(channels.Writer.publish)

    def read() -> Steps[tuple[int, ...]]:
        kernel = Kernel(shape, channels.Reader(reader=sides.reader(SIZE)), sends=False)
        seen = [0]
        while seen[-1] < writes:
            assert (yield from kernel.call(channels.Reader.await_news, FOREVER))
            value = yield from kernel.call(channels.Reader.newest, SIZE)
            number = yield from kernel.side.domain.call(drivers.read, value, SIZE)
            assert number is not None
            assert number > seen[-1], f"value {number} was news after value {seen[-1]}"
            seen.append(number)
        return tuple(seen[1:])

    return Explorer({"writer": write, "reader": read}, shape.shared)
