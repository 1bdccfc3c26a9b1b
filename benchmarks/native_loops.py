"""What two processes of this host do with a channel, and with what it is compared to, in metal.

Each exchange has two loops of the same number of round trips. Nobody waits for ever: a loop whose
other side is gone gives up, and says so.
"""

from __future__ import annotations

from questv.channel import four_slot, ring
from questv.channel.copy import copy_out
from questv.channel.four_slot import Reader, Writer
from questv.channel.ring import Consumer, Producer
from questv.metal.lang import ACQUIRE, RELAXED, RELEASE, Ptr, Shared, asm, metal, u8, u64

PATIENCE = 1 << 33
"""Looks in vain until a side gives up: some seconds."""

_READ, _WRITE = 0, 1  # Linux's numbers


# ---- a bare word each way ----------------------------------------------------------------------


@metal
def ask_word(own: Ptr[Shared[u64]], peer: Ptr[Shared[u64]], first: u64, count: u64) -> bool:
    """Write a number, wait until the other side has written the same, ``count`` times."""
    for number in range(first, first + count):
        own[0].store(number, RELEASE)
        if not _await(peer, number):
            return False
    return True


@metal
def answer_word(own: Ptr[Shared[u64]], peer: Ptr[Shared[u64]], first: u64, count: u64) -> bool:
    """The other side of it."""
    for number in range(first, first + count):
        if not _await(peer, number):
            return False
        own[0].store(number, RELEASE)
    return True


@metal(inline=True)
def _await(word: Ptr[Shared[u64]], number: u64) -> bool:
    for _ in range(u64(PATIENCE)):
        value = word[0].load(ACQUIRE)
        if value == number:
            return True
    return False


# ---- rings -------------------------------------------------------------------------------------


@metal
def ask_ring(producer: Producer, consumer: Consumer, first: u64, count: u64) -> bool:
    """Send a number, wait for the same from the other side, ``count`` times."""
    for number in range(first, first + count):
        if not _send(producer, number) or _receive(consumer) != number:
            return False
    return True


@metal
def answer_ring(producer: Producer, consumer: Consumer, first: u64, count: u64) -> bool:
    """Send back what comes."""
    for number in range(first, first + count):
        if _receive(consumer) != number or not _send(producer, number):
            return False
    return True


@metal(inline=True)
def _send(producer: Producer, number: u64) -> bool:
    room = ring.reserve(producer, 8)
    if room.is_null():
        return False
    Ptr[u64](room)[0] = number
    ring.commit(producer)
    return True


@metal(inline=True)
def _receive(consumer: Consumer) -> u64:
    for _ in range(u64(PATIENCE)):
        message = ring.peek(consumer)
        if not message.is_null():
            number = Ptr[Shared[u64]](message)[0].load(RELAXED)
            ring.consume(consumer)
            return number
    return u64.MAX


@metal
def push(producer: Producer, source: Ptr[u8], length: u64, count: u64) -> bool:
    """Send ``count`` messages of ``length`` bytes, and wait until all of them are read."""
    waited: u64 = 0
    sent: u64 = 0
    while sent < count:
        room = ring.reserve(producer, length)
        if room.is_null():
            waited += 1
            if waited == PATIENCE:
                return False
        else:
            copy_out(room, Ptr[Shared[u8]](source), length)
            ring.commit(producer)
            sent += 1
    for _ in range(u64(PATIENCE)):
        read = producer.peer[0].position.load(ACQUIRE)
        if read == producer.cursor - producer.origin:
            return True
    return False


@metal
def pull(consumer: Consumer, to: Ptr[u8], length: u64, count: u64) -> bool:
    """Take as many messages."""
    waited: u64 = 0
    taken: u64 = 0
    while taken < count:
        message = ring.peek(consumer)
        if message.is_null():
            waited += 1
            if waited == PATIENCE:
                return False
        else:
            if ring.length(consumer) != length:
                return False
            copy_out(to, message, length)
            ring.consume(consumer)
            taken += 1
    return True


@metal
def copy_with(memcpy: u64, to: u64, source: u64, length: u64, count: u64) -> None:
    """Call C's ``memcpy`` for stretches of ``length`` bytes that follow each other."""
    for i in range(count):
        asm(
            "call $1",
            u64,
            "={rax},r,{rdi},{rsi},{rdx},~{rcx},~{r8},~{r9},~{r10},~{r11}",
            memcpy,
            to + i * length,
            source + i * length,
            length,
        )


# ---- four-slot registers -----------------------------------------------------------------------


@metal
def ask_register(writer: Writer, reader: Reader, first: u64, count: u64) -> bool:
    """Write a number, wait for the same from the other side, ``count`` times."""
    for number in range(first, first + count):
        _write(writer, number)
        if _read(reader) != number:
            return False
    return True


@metal
def answer_register(writer: Writer, reader: Reader, first: u64, count: u64) -> bool:
    """Write back what comes."""
    for number in range(first, first + count):
        if _read(reader) != number:
            return False
        _write(writer, number)
    return True


@metal(inline=True)
def _write(writer: Writer, number: u64) -> None:
    Ptr[u64](four_slot.begin_write(writer))[0] = number
    four_slot.end_write(writer)


@metal(inline=True)
def _read(reader: Reader) -> u64:
    for _ in range(u64(PATIENCE)):
        if four_slot.has_news(reader):
            value = Ptr[Shared[u64]](four_slot.begin_read(reader))
            if not value.is_null():
                number = value[0].load(RELAXED)
                return number
    return u64.MAX


# ---- the kernel's ways: system calls, and nothing around them -----------------------------------


@metal
def ask_files(source: u64, target: u64, buffer: Ptr[u64], count: u64) -> bool:
    """Write a number to a file, read one from another, ``count`` times."""
    for number in range(count):
        buffer[0] = number
        if _call(_WRITE, target, buffer) != 8 or _call(_READ, source, buffer) != 8:
            return False
        if buffer[0] != number:
            return False
    return True


@metal
def answer_files(source: u64, target: u64, buffer: Ptr[u64], count: u64) -> bool:
    """Write back what is read."""
    for _ in range(count):
        if _call(_READ, source, buffer) != 8 or _call(_WRITE, target, buffer) != 8:
            return False
    return True


@metal(inline=True)
def _call(number: u64, file: u64, buffer: Ptr[u64]) -> u64:
    return asm(
        "syscall",
        u64,
        "={rax},{rax},{rdi},{rsi},{rdx},~{rcx},~{r11}",
        number,
        file,
        u64(buffer),
        u64(8),
    )
