"""Streams: the serial ports that a sandbox drives, as its tasks read and write them.

Each belongs to one task. What comes is kept by the interrupt until the task reads it; when there is
no more room the port is left alone, so that whoever sends has to wait.
"""

from __future__ import annotations

from questv.arch.x86 import uart
from questv.arch.x86.instructions import disable_interrupts, enable_interrupts
from questv.kernel import clock, tasks, timers
from questv.kernel.doorbells import FOREVER
from questv.kernel.info import DEVICE_VECTORS, FIRST_DEVICE_VECTOR, MAX_STREAMS, info
from questv.kernel.status import StreamStatus
from questv.metal.lang import Array, Ptr, metal, ptr, static, u8, u16, u32, u64
from questv.metal.structs import Struct

KEPT = 4096
"""Bytes that are kept for the task to read."""

_PATIENCE = 64  # reasons for one interrupt; a port that has always another is broken


class Stream(Struct):
    """A serial port."""

    port: u16  # its first
    interrupts: u8  # those that it may raise
    waiting: bool  # the task waits for an interrupt
    task: u64  # whose it is: its bit
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
        for i in range(count):
            to[i] = self.kept[(self.read + i) % KEPT]
        self.read += count
        self._choose(self.interrupts | uart.INTERRUPT_RECEIVED)
        enable_interrupts()
        return count

    @metal
    def send(self, bytes: Ptr[u8], length: u64) -> None:
        """Send ``length`` bytes; waits until the port has taken them all."""
        sent: u64 = 0
        while sent < length:
            disable_interrupts()
            while not uart.is_ready(self.port):
                self._choose(self.interrupts | uart.INTERRUPT_READY)
                self._wait(FOREVER)
            end = min(length, sent + uart.FIFO_DEPTH)
            while sent < end:
                uart.send(self.port, bytes[sent])
                sent += 1
                self.counters.sent += 1
            enable_interrupts()

    @metal
    def _wait(self, deadline: u64) -> bool:
        """Wait for an interrupt of the port; false if the deadline passes. Interrupts are off."""
        self.waiting = True
        if deadline == FOREVER:
            tasks.block()
        elif timers.set_alarm(clock.to_tsc(deadline)):
            tasks.block()
            timers.cancel_alarm()
        woken = not self.waiting
        self.waiting = False
        return woken

    @metal
    def _choose(self, interrupts: u8) -> None:
        if interrupts != self.interrupts:
            self.interrupts = interrupts
            uart.choose_interrupts(self.port, interrupts)

    @metal
    def _take_all(self) -> None:
        """Keep what has come, as long as there is room."""
        status = uart.line_status(self.port)
        while uart.has_data(status):
            if uart.has_lost_data(status):
                self.counters.overruns += 1
            if self.counters.received - self.read == KEPT:
                self._choose(self.interrupts & ~u8(uart.INTERRUPT_RECEIVED))
                return
            self.kept[self.counters.received % KEPT] = uart.receive(self.port)
            self.counters.received += 1
            status = uart.line_status(self.port)

    @metal
    def _interrupt(self) -> None:
        """The port has interrupted. Its line has to fall, or its next edge would be none."""
        self.counters.interrupts += 1
        for _ in range(u32(_PATIENCE)):
            if not uart.is_interrupting(self.port):
                break
            self._take_all()
            self._choose(self.interrupts & ~u8(uart.INTERRUPT_READY))
        if self.waiting:
            self.waiting = False
            tasks.wake(self.task)


streams: Array[Stream, MAX_STREAMS] = static(export="kernel_streams")
_by_vector: Array[Ptr[Stream], DEVICE_VECTORS] = static()


@metal
def start() -> None:
    """Set up every port of the plan."""
    for i in range(info.stream_count):
        each = info.streams[i]
        stream = Ptr[Stream](each.object)[0]
        stream.port = u16(each.port)
        stream.task = u64(1) << u64(each.task)
        _by_vector[each.vector - FIRST_DEVICE_VECTOR] = ptr(stream)
        uart.start(stream.port)
        stream._choose(uart.INTERRUPT_RECEIVED)


@metal
def take(vector: u64) -> bool:
    """A device has interrupted, interrupts are off; false if its vector is no stream's."""
    number = vector - FIRST_DEVICE_VECTOR
    if number >= DEVICE_VECTORS or _by_vector[number].is_null():
        return False
    _by_vector[number][0]._interrupt()
    return True
