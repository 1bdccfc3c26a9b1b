"""Streams: devices that carry bytes both ways, as the tasks of their sandbox read and write them.

Each belongs to one task. What comes is kept by the interrupt until the task reads it; when there is
no more room it is left with the device, so that whoever sends has to wait. Below is a driver for
each kind of device.
"""

from __future__ import annotations

from collections.abc import Callable

from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.kernel import clock, tasks, timers
from questv.kernel.doorbells import FOREVER
from questv.kernel.info import (
    DEVICE_VECTORS,
    FIRST_DEVICE_VECTOR,
    MAX_STREAMS,
    MAX_TASKS,
    StreamInfo,
    info,
)
from questv.kernel.status import StreamStatus
from questv.metal.lang import Array, Ptr, metal, ptr, static, u8, u64
from questv.metal.structs import Struct

_DRAINING = 50_000  # nanoseconds between two looks whether a device has sent what it took

KEPT = 4096
"""Bytes that are kept for the task to read."""


class Stream(Struct):
    """A device that carries bytes both ways."""

    info: Ptr[StreamInfo]  # what the plan says of it
    waiting: bool  # the task waits for an interrupt
    pending: bool  # the device has interrupted, and the bottom half has not served it yet
    task: u64  # whose it is
    read: u64  # bytes that the task has read since the beginning; the next is kept at % KEPT
    counters: StreamStatus  # ``received`` are the bytes that came, of which some are yet unread
    kept: Array[u8, KEPT]

    @metal
    def receive(self, to: Ptr[u8], capacity: u64, deadline: u64) -> u64:
        """Copy what has come, at most ``capacity`` bytes; waits until there is something.

        The result is how many; 0 if the deadline passes.
        """
        disable_interrupts()
        while self.counters.received == self.read:
            if not self._wait(deadline):
                break
        count = min(self.counters.received - self.read, capacity)
        enable_interrupts()  # nobody else takes away what is kept
        for i in range(count):
            to[i] = self.kept[(self.read + i) % KEPT]
        disable_interrupts()
        self.read += count
        _driver(self).take(self, self.info[0])
        enable_interrupts()
        return count

    @metal
    def send(self, bytes: Ptr[u8], length: u64) -> None:
        """Send ``length`` bytes; waits until all have left the device."""
        sent: u64 = 0
        while sent < length:
            disable_interrupts()
            count = _driver(self).give(self, self.info[0], ptr(bytes[sent]), length - sent)
            if count == 0:
                self._wait(FOREVER)
            sent += count
            self.counters.sent += count
            enable_interrupts()
        # No interrupt tells that the last byte has left; a machine that ended before would lose it.
        while not _driver(self).is_drained(self, self.info[0]):
            timers.sleep_until(clock.now() + _DRAINING)

    @metal
    def _wait(self, deadline: u64) -> bool:
        """Wait for an interrupt of the device; false if the deadline passes. Interrupts are off."""
        self.waiting = True
        if deadline == FOREVER:
            tasks.block()
        elif timers.set_alarm(clock.to_tsc(deadline)):
            tasks.block()
            timers.cancel_alarm()
        woken = not self.waiting
        self.waiting = False
        return woken


class Driver(Struct):
    """What the driver of a kind of device does for a stream. Interrupts are off in all of it."""

    start: Callable[[Stream, StreamInfo], None]  # set the device up
    take: Callable[[Stream, StreamInfo], None]  # keep what has come, as long as there is room
    interrupt: Callable[[Stream, StreamInfo], None]  # likewise, and its interrupt is taken care of
    # Have the device take some of these bytes. The result is how many it has taken; 0 if it takes
    # its time, after which it interrupts, and is to be given the same bytes again.
    give: Callable[[Stream, StreamInfo, Ptr[u8], u64], u64]
    is_drained: Callable[[Stream, StreamInfo], bool]  # nothing that it took is still in the device


@metal(inline=True)
def _driver(stream: Stream) -> Driver:
    return Ptr[Driver](stream.info[0].driver)[0]


streams: Array[Stream, MAX_STREAMS] = static(export="kernel_streams")
_by_vector: Array[Ptr[Stream], DEVICE_VECTORS] = static()


# ---- for drivers -----------------------------------------------------------------------------


@metal
def room(stream: Stream) -> u64:
    """How many more bytes can be kept."""
    return KEPT - (stream.counters.received - stream.read)


@metal
def keep(stream: Stream, byte: u8) -> None:
    """Keep a byte that has come; there is room."""
    stream.kept[stream.counters.received % KEPT] = byte
    stream.counters.received += 1


# ---- for the kernel --------------------------------------------------------------------------


@metal
def start() -> None:
    """Set up every device of the plan that is a stream."""
    for i in range(info.stream_count):
        each = info.streams[i]
        stream = Ptr[Stream](each.object)[0]
        stream.info = ptr(each)
        stream.task = u64(each.task)
        _by_vector[each.vector - FIRST_DEVICE_VECTOR] = ptr(stream)
        _driver(stream).start(stream, each)


@metal
def take(vector: u64) -> bool:
    """A device has interrupted, interrupts are off; false if its vector is no stream's."""
    number = vector - FIRST_DEVICE_VECTOR
    if number >= DEVICE_VECTORS or _by_vector[number].is_null():
        return False
    stream = _by_vector[number][0]
    stream.counters.interrupts += 1
    if stream.info[0].bottom_half == MAX_TASKS:
        _serve(stream)
    else:
        stream.pending = True
        tasks.wake(u64(stream.info[0].bottom_half))
    return True


@metal
def _serve(stream: Stream) -> None:
    """Do what the device's interrupt asks for, and wake the task if it waits."""
    _driver(stream).interrupt(stream, stream.info[0])
    if stream.waiting:
        stream.waiting = False
        tasks.wake(stream.task)


@metal(export="kernel_bottom_half")
def bottom_half(stream: Ptr[Stream]) -> None:
    """The life of the task that serves a stream's interrupts, on an I/O VCPU."""
    while True:
        disable_interrupts()
        while not stream[0].pending:
            tasks.block()
        stream[0].pending = False
        _serve(stream[0])
        enable_interrupts()
