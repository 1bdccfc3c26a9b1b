"""Drives a virtio console as a stream (Virtio 1.2, 5.3).

It is a serial port of its own, the console's first after the one for people (port 1): QEMU lets a
sender wait on it, while it drops what is sent to port 0 faster than the host takes it. The device
reads and writes memory by itself, wherever it is told to.
"""

from __future__ import annotations

from questv.arch.x86.instructions import clear_words
from questv.kernel.drivers import virtio
from questv.kernel.drivers.virtio import (
    DESCRIPTORS,
    DEVICE_READS,
    DEVICE_WRITES,
    Answer,
    Queue,
    Registers,
    Rings,
)
from questv.kernel.info import DEVICE_MEMORY, MAX_STREAMS, StreamInfo
from questv.kernel.panic import panic
from questv.kernel.streams import Driver, Stream, keep, room
from questv.metal.lang import Array, Ptr, metal, ptr, static, u8, u16, u32, u64
from questv.metal.runtime import memcpy
from questv.metal.structs import Struct, offsetof, sizeof

KIND = 3
_MULTIPORT = 1 << 1

_PORT = 1
_CONTROL = 3  # queues: to the device; of the port, from it and to it
_RECEIVING = 4
_TRANSMITTING = 5

_DEVICE_READY, _PORT_READY, _PORT_OPEN = 0, 3, 6
_MESSAGES = 3

INCOMING = 512
"""Bytes of each buffer that the device fills."""
OUTGOING = 1024
"""Bytes of the buffer that it empties."""


class Control(Struct):
    """A message on a port, to the device (5.3.6.2)."""

    port: u32
    event: u16
    value: u16


class Memory(Struct, size=DEVICE_MEMORY):
    """All that the device has to do with."""

    receiving: Rings
    transmitting: Rings
    control: Rings
    messages: Array[Control, _MESSAGES]
    outgoing: Array[u8, OUTGOING]
    incoming: Array[Array[u8, INCOMING], DESCRIPTORS]


assert sizeof(Control) == 8
assert _MESSAGES <= DESCRIPTORS
assert offsetof(Memory, "transmitting") % 16 == offsetof(Memory, "control") % 16 == 0


class VirtioConsole(Struct):
    """What is known of a console."""

    receiving: Queue
    transmitting: Queue
    control: Queue
    sending: u64  # bytes that the device has been given to send, 0 if none
    left: u32  # bytes that are yet to be kept of the buffer that was taken last
    holding: bool  # there is such a buffer


consoles: Array[VirtioConsole, MAX_STREAMS] = static(export="kernel_virtio_consoles")


@metal
def _start(_stream: Stream, info: StreamInfo) -> None:
    own = _of(info)
    registers = _registers(info)
    if not _set_up(own, registers, info):
        panic("there is no virtio console where the plan has one")
    for i in range(u32(DESCRIPTORS)):
        at = info.physical + offsetof(Memory, "incoming") + u64(i) * INCOMING
        own.receiving.describe(i, at, INCOMING, DEVICE_WRITES)
        own.receiving.lend(i)
    own.transmitting.let_interrupt(False)
    own.control.let_interrupt(False)
    virtio.begin(registers)
    virtio.notify(registers, _RECEIVING)
    _say(own, info, 0, _DEVICE_READY)
    _say(own, info, 1, _PORT_READY)
    _say(own, info, 2, _PORT_OPEN)
    virtio.notify(registers, _CONTROL)


@metal
def _set_up(own: VirtioConsole, registers: Registers, info: StreamInfo) -> bool:
    """Reset the console, and give it its queues."""
    if not virtio.reset(registers, KIND) or not virtio.agree(registers, _MULTIPORT):
        return False
    # From here on the device touches nothing, until it is told where its queues are. What an
    # earlier incarnation of this kernel has left there would be taken for used already.
    clear_words(info.memory, DEVICE_MEMORY // 8)
    rings = ptr(_memory(info).receiving)
    at = info.physical + offsetof(Memory, "receiving")
    if not virtio.add_queue(registers, _RECEIVING, own.receiving, rings, at):
        return False
    rings = ptr(_memory(info).transmitting)
    at = info.physical + offsetof(Memory, "transmitting")
    if not virtio.add_queue(registers, _TRANSMITTING, own.transmitting, rings, at):
        return False
    rings = ptr(_memory(info).control)
    at = info.physical + offsetof(Memory, "control")
    return virtio.add_queue(registers, _CONTROL, own.control, rings, at)


@metal
def _say(own: VirtioConsole, info: StreamInfo, number: u32, event: u16) -> None:
    """Lend the device one of the messages on the port, which it reads in this order."""
    message = _memory(info).messages[number]
    message.port = _PORT
    message.event = event
    message.value = 1
    at = info.physical + offsetof(Memory, "messages") + u64(number) * sizeof(Control)
    own.control.describe(number, at, sizeof(Control), DEVICE_READS)
    own.control.lend(number)


@metal
def _take(stream: Stream, info: StreamInfo) -> None:
    own = _of(info)
    lent = False
    # Buffers beyond these were lent after the last interrupt, and bring another.
    for _ in range(u32(DESCRIPTORS)):
        if not own.holding and not _next_buffer(own):
            break
        _keep(stream, own, info)
        if own.left != 0:
            break  # there is no more room; the device has this buffer the later
        own.holding = False
        own.receiving.lend(own.receiving.descriptor)
        lent = True
    if lent:
        virtio.notify(_registers(info), _RECEIVING)


@metal
def _next_buffer(own: VirtioConsole) -> bool:
    """Take a buffer that the device has filled."""
    if not _has_returned(own.receiving):
        return False
    if own.receiving.length > INCOMING:
        panic("a virtio console says that it wrote past a buffer's end")
    own.left = own.receiving.length
    own.holding = True
    return True


@metal
def _keep(stream: Stream, own: VirtioConsole, info: StreamInfo) -> None:
    """Keep what there is room for of the buffer that was taken last."""
    buffer = ptr(_memory(info).incoming[own.receiving.descriptor][0])
    count = min(u64(own.left), room(stream))
    first = u64(own.receiving.length - own.left)
    for i in range(count):
        keep(stream, buffer[first + i])
    own.left -= u32(count)


@metal
def _interrupt(stream: Stream, info: StreamInfo) -> None:
    virtio.acknowledge(_registers(info))
    _take(stream, info)


@metal
def _give(_stream: Stream, info: StreamInfo, bytes: Ptr[u8], length: u64) -> u64:
    own = _of(info)
    if own.sending == 0:
        own.sending = min(length, OUTGOING)
        memcpy(ptr(_memory(info).outgoing[0]), bytes, own.sending)
        at = info.physical + offsetof(Memory, "outgoing")
        own.transmitting.describe(0, at, u32(own.sending), DEVICE_READS)
        own.transmitting.lend(0)
        virtio.notify(_registers(info), _TRANSMITTING)
    if not _has_returned(own.transmitting):
        own.transmitting.let_interrupt(True)
        if not _has_returned(own.transmitting):
            return 0
    own.transmitting.let_interrupt(False)
    count = own.sending
    own.sending = 0
    return count


@metal
def _is_drained(_stream: Stream, _info: StreamInfo) -> bool:
    """What ``_give`` has had taken, the device has given back."""
    return True


@metal
def _has_returned(queue: Queue) -> bool:
    """Whether the device has given a descriptor back; a device that lies ends this kernel."""
    answer = queue.take()
    if answer == Answer.NONSENSE:
        panic("a virtio console gave back what it does not have")
    return answer == Answer.BUFFER


@metal
def _of(info: StreamInfo) -> VirtioConsole:
    return Ptr[VirtioConsole](info.device)[0]


@metal
def _registers(info: StreamInfo) -> Registers:
    return Ptr[Registers](info.registers)[0]


@metal
def _memory(info: StreamInfo) -> Memory:
    return Ptr[Memory](info.memory)[0]


driver: Driver = static(
    {
        "start": _start,
        "take": _take,
        "interrupt": _interrupt,
        "give": _give,
        "is_drained": _is_drained,
    },
    export="kernel_virtio_console_driver",
)
