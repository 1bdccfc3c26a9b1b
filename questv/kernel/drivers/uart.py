"""Drives a serial port as a stream."""

from __future__ import annotations

from questv.arch.x86 import uart
from questv.kernel.info import MAX_STREAMS, StreamInfo
from questv.kernel.streams import Driver, Stream, keep, room
from questv.metal.lang import Array, Ptr, metal, static, u8, u16, u32, u64
from questv.metal.structs import Struct

_PATIENCE = 64  # reasons for one interrupt; a port that has always another is broken


class Uart(Struct):
    """A serial port."""

    port: u16  # its first
    interrupts: u8  # those that it may raise

    @metal
    def choose(self, interrupts: u8) -> None:
        """Let it raise these interrupts alone."""
        if interrupts != self.interrupts:
            self.interrupts = interrupts
            uart.choose_interrupts(self.port, interrupts)


uarts: Array[Uart, MAX_STREAMS] = static(export="kernel_uarts")


@metal
def _start(_stream: Stream, info: StreamInfo) -> None:
    own = _of(info)
    own.port = u16(info.registers)
    uart.start(own.port)
    own.choose(uart.INTERRUPT_RECEIVED)


@metal
def _take(stream: Stream, info: StreamInfo) -> None:
    own = _of(info)
    status = uart.line_status(own.port)
    while uart.has_data(status):
        _count_overrun(stream, status)
        if room(stream) == 0:
            own.choose(own.interrupts & ~u8(uart.INTERRUPT_RECEIVED))
            return
        keep(stream, uart.receive(own.port))
        status = uart.line_status(own.port)
    own.choose(own.interrupts | uart.INTERRUPT_RECEIVED)


@metal
def _interrupt(stream: Stream, info: StreamInfo) -> None:
    """The port's line has to fall, or its next edge would be none."""
    own = _of(info)
    for _ in range(u32(_PATIENCE)):
        if not uart.is_interrupting(own.port):
            break
        _take(stream, info)
        own.choose(own.interrupts & ~u8(uart.INTERRUPT_READY))


@metal
def _give(stream: Stream, info: StreamInfo, bytes: Ptr[u8], length: u64) -> u64:
    own = _of(info)
    status = uart.line_status(own.port)
    _count_overrun(stream, status)
    if not uart.takes_data(status):
        own.choose(own.interrupts | uart.INTERRUPT_READY)
        return 0
    count = min(length, uart.FIFO_DEPTH)
    for i in range(count):
        uart.send(own.port, bytes[i])
    return count


@metal
def _is_drained(stream: Stream, info: StreamInfo) -> bool:
    status = uart.line_status(_of(info).port)
    _count_overrun(stream, status)
    return uart.has_sent(status)


@metal
def _count_overrun(stream: Stream, status: u8) -> None:
    """Whoever reads the port's status has to: it tells of lost bytes once."""
    if uart.has_lost_data(status):
        stream.counters.overruns += 1


@metal
def _of(info: StreamInfo) -> Uart:
    return Ptr[Uart](info.device)[0]


driver: Driver = static(
    {
        "start": _start,
        "take": _take,
        "interrupt": _interrupt,
        "give": _give,
        "is_drained": _is_drained,
    },
    export="kernel_uart_driver",
)
