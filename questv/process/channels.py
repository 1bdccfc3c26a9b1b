"""The ends of channels as tasks use them. Each end belongs to one task.

Deadlines are moments in nanoseconds since the machine's start, or ``FOREVER``.

Written by ``questv.process.mirror`` from ``questv/kernel/channels.py``.
"""

from __future__ import annotations

from questv.channel import four_slot, ring
from questv.channel.copy import copy_out
from questv.channel.four_slot import ReaderArea, WriterArea
from questv.channel.ring import Consumer, Producer
from questv.channel.sleep import Area, begin_session
from questv.metal.lang import RELAXED, Array, Ptr, Shared, metal, static, u8, u64
from questv.metal.structs import Struct
from questv.process import doorbells, incarnation
from questv.process.doorbells import Wait
from questv.process.info import MAX_ENDS, EndInfo, EndKind, info
from questv.process.panic import panic

NOTHING = (1 << 64) - 1
"""Instead of a message's length: there is none."""


class Sender(Struct):
    """The sending end of a ring."""

    producer: Producer
    wait: Wait

    @metal(inline=True)
    def reserve(self, length: u64, deadline: u64) -> Ptr[u8]:
        """Room for a message of ``length`` bytes to be filled in place and then committed.

        Waits until there is room; null if the deadline passes, or if no room could ever do:
        the longest message is half the ring less 8 bytes.
        """
        while not ring.has_room(self.producer, length):
            too_long = length > ring.largest_message(self.producer.size)
            if too_long or doorbells.has_passed(deadline):
                return ring.reserve(self.producer, length)
            self._sleep(length, deadline)
        return ring.take_room(self.producer, length)

    @metal
    def _sleep(self, length: u64, deadline: u64) -> None:
        """Sleep until there may be room, or the deadline passes."""
        doorbells.announce(self.wait)
        if ring.has_room(self.producer, length):
            doorbells.cancel(self.wait)
        else:
            doorbells.sleep(self.wait, deadline)

    @metal(inline=True)
    def commit(self) -> None:
        """Send what was filled into the room of ``reserve``."""
        self.wait.counters.messages += 1
        self.wait.counters.bytes += self.producer.taken
        ring.commit(self.producer)
        if doorbells.ring_if_asleep(self.wait):
            ring.start_if_accepted(self.producer)

    @metal
    def send(self, message: Ptr[u8], length: u64, deadline: u64) -> bool:
        """Send a copy of ``length`` bytes; false if ``reserve`` finds no room for them."""
        room = self.reserve(length, deadline)
        if room.is_null():
            return False
        copy_out(room, Ptr[Shared[u8]](message), length)
        self.commit()
        return True


class Receiver(Struct):
    """The receiving end of a ring."""

    consumer: Consumer
    wait: Wait

    @metal(inline=True)
    def receive(self, deadline: u64) -> Ptr[Shared[u8]]:
        """The next message, ``length()`` bytes, in place until ``done``; waits for one.

        Null if the deadline passes. The sender could change the bytes at any time: read each once,
        or copy them out.
        """
        while not ring.has_message(self.consumer):
            if doorbells.has_passed(deadline):
                self._keep_up()
                return ring.peek(self.consumer)
            self._sleep(deadline)
        return ring.message(self.consumer)

    @metal(inline=True)
    def _sleep(self, deadline: u64) -> None:
        """Sleep until there may be a message, or the deadline passes."""
        doorbells.announce(self.wait)
        self._keep_up()
        if ring.has_message(self.consumer):
            doorbells.cancel(self.wait)
        else:
            doorbells.sleep(self.wait, deadline)

    @metal(inline=True)
    def _keep_up(self) -> None:
        """If there is no message since the sender was restarted, go on with its new session."""
        if ring.is_apart(self.consumer):
            self._join()

    @metal
    def _join(self) -> None:
        if ring.join(self.consumer):
            doorbells.notice(self.wait)
            doorbells.ring_if_asleep(self.wait)

    @metal
    def read(self, to: Ptr[u8], capacity: u64, deadline: u64) -> u64:
        """Copy the next message out and give its room back; waits for one.

        At most ``capacity`` bytes are copied; the result is the message's own length, or
        ``NOTHING`` if the deadline passes.
        """
        message = self.receive(deadline)
        if message.is_null():
            return NOTHING
        length = self.length()
        copy_out(to, message, min(length, capacity))
        self.done()
        return length

    @metal(inline=True)
    def length(self) -> u64:
        """The length in bytes of the message that ``receive`` returned."""
        return ring.length(self.consumer)

    @metal(inline=True)
    def done(self) -> None:
        """Give the message's room back to the sender."""
        self.wait.counters.messages += 1
        self.wait.counters.bytes += self.consumer.taken
        ring.consume(self.consumer)
        doorbells.ring_if_asleep(self.wait)


@metal(inline=True)
def _require_size(size: u64, described: u64) -> None:
    """A value that is longer than its slot would run into the others, and could be read torn."""
    if size != described:
        panic("a value has another size than its register: see the channel's message")


class Writer(Struct):
    """The writing end of a four-slot register."""

    writer: four_slot.Writer
    wait: Wait

    @metal(inline=True)
    def begin(self, size: u64) -> Ptr[u8]:
        """The place for the next value; nobody reads it before ``publish``.

        ``size`` is what the value has, in bytes; it must be the channel's ``message``.
        """
        _require_size(size, self.writer.size)
        return four_slot.begin_write(self.writer)

    @metal(inline=True)
    def publish(self) -> None:
        """Make the value in the place of ``begin`` the newest."""
        four_slot.end_write(self.writer)
        self.wait.counters.messages += 1
        doorbells.ring_if_asleep(self.wait)


class Reader(Struct):
    """The reading end of a four-slot register."""

    reader: four_slot.Reader
    wait: Wait

    @metal(inline=True)
    def newest(self, size: u64) -> Ptr[Shared[u8]]:
        """The newest value, whole until the next call; null before the first was written.

        ``size`` is what the value has, in bytes; it must be the channel's ``message``.
        """
        _require_size(size, self.reader.size)
        value = four_slot.begin_read(self.reader)
        if not value.is_null():
            self.wait.counters.messages += 1
        return value

    @metal(inline=True)
    def await_news(self, deadline: u64) -> bool:
        """Wait for a value newer than the last one read; false if the deadline passes."""
        while not four_slot.has_news(self.reader):
            if doorbells.has_passed(deadline):
                return four_slot.has_news(self.reader)
            self._sleep(deadline)
        return True

    @metal(inline=True)
    def _sleep(self, deadline: u64) -> None:
        """Sleep until there may be news, or the deadline passes."""
        doorbells.announce(self.wait)
        if four_slot.has_news(self.reader):
            doorbells.cancel(self.wait)
        else:
            doorbells.sleep(self.wait, deadline)


# The builder hands these out to the ends of the plan.
senders: Array[Sender, MAX_ENDS] = static(export="process_senders")
receivers: Array[Receiver, MAX_ENDS] = static(export="process_receivers")
writers: Array[Writer, MAX_ENDS] = static(export="process_writers")
readers: Array[Reader, MAX_ENDS] = static(export="process_readers")


# ---- the start -------------------------------------------------------------------------------


@metal
def start() -> None:
    """Connect every end of the plan to its areas, but for those of stand-ins."""
    doorbells.start()
    for i in range(info.end_count):
        end = info.ends[i]
        if info.tasks[end.task].stands_in == 0:
            _start_end(end, incarnation.session)


@metal
def take_over(task: u64, session: u64) -> None:
    """Connect the ends of a stand-in, as those of a later life of whom it stands in for.

    The other sides see where they are from now on as soon as they see the session.
    """
    for i in range(info.end_count):
        end = info.ends[i]
        if u64(end.task) == task:
            Ptr[Area](end.own)[0].place.store(u64(end.place), RELAXED)
            _start_end(end, session)


@metal
def _start_end(end: EndInfo, session: u64) -> None:
    """Connect an end, in a life with this session: 0 in the first one."""
    if session != 0:
        begin_session(Ptr[Area](end.own)[0], session)
    match end.kind:
        case EndKind.SENDER:
            _start_sender(Ptr[Sender](end.object)[0], end, session)
        case EndKind.RECEIVER:
            _start_receiver(Ptr[Receiver](end.object)[0], end, session)
        case EndKind.WRITER:
            _start_writer(Ptr[Writer](end.object)[0], end, session)
        case EndKind.READER:
            _start_reader(Ptr[Reader](end.object)[0], end, session)


@metal
def _start_sender(sender: Sender, end: EndInfo, session: u64) -> None:
    data = end.own + ring.DATA_OFFSET
    sender.producer.own = Ptr[Area](end.own)
    sender.producer.peer = Ptr[Area](end.peer)
    sender.producer.data = data
    sender.producer.end = data + ring.memory_size(end.size)
    sender.producer.size = end.size
    sender.producer.cursor = data
    sender.producer.origin = data
    doorbells.connect(sender.wait, end)
    if session != 0:
        ring.restart_producer(sender.producer, session)
        doorbells.introduce(sender.wait, session)


@metal
def _start_receiver(receiver: Receiver, end: EndInfo, session: u64) -> None:
    data = end.peer + ring.DATA_OFFSET
    receiver.consumer.own = Ptr[Area](end.own)
    receiver.consumer.peer = Ptr[Area](end.peer)
    receiver.consumer.data = data
    receiver.consumer.end = data + ring.memory_size(end.size)
    receiver.consumer.cursor = data
    receiver.consumer.next = data
    receiver.consumer.origin = data
    doorbells.connect(receiver.wait, end)
    if session != 0:
        ring.restart_consumer(receiver.consumer, session)
        doorbells.introduce(receiver.wait, session)


@metal
def _start_writer(writer: Writer, end: EndInfo, session: u64) -> None:
    writer.writer.own = Ptr[WriterArea](end.own)
    writer.writer.peer = Ptr[ReaderArea](end.peer)
    writer.writer.size = end.size
    four_slot.place_slots(writer.writer.places, end.own + four_slot.DATA_OFFSET, end.size)
    doorbells.connect(writer.wait, end)
    if session != 0:
        four_slot.go_on(writer.writer, session)
        doorbells.introduce(writer.wait, session)


@metal
def _start_reader(reader: Reader, end: EndInfo, session: u64) -> None:
    reader.reader.own = Ptr[ReaderArea](end.own)
    reader.reader.peer = Ptr[WriterArea](end.peer)
    reader.reader.size = end.size
    four_slot.place_slots(reader.reader.places, end.peer + four_slot.DATA_OFFSET, end.size)
    reader.reader.news = four_slot.FIRST_NEWS
    doorbells.connect(reader.wait, end)
    if session != 0:
        doorbells.introduce(reader.wait, session)
