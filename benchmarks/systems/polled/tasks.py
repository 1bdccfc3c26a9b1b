"""A number goes there and back; both sides look for it again and again."""

from __future__ import annotations

from questv.api import Reader, Receiver, Sender, Writer, task
from questv.arch.x86.instructions import pause, read_tsc
from questv.channel import four_slot, ring
from questv.metal.lang import RELAXED, Array, Ptr, Shared, metal, static, u64

ROUNDS = 1000

samples: Array[u64, ROUNDS] = static(export="samples")


# ---- the floor: one word each way, nothing checked -------------------------------------------


@task
def bounce(there: Writer, back: Reader) -> None:
    """A bare word in shared memory: measure each round trip."""
    own = Ptr[Shared[u64]](there.writer.places[0])
    peer = Ptr[Shared[u64]](back.reader.places[0])
    for i in range(u64(ROUNDS)):
        start = read_tsc()
        own[0].store(i + 1, RELAXED)
        while True:
            seen = peer[0].load(RELAXED)
            if seen == i + 1:
                break
            pause()
        samples[i] = read_tsc() - start


@task
def echo(there: Reader, back: Writer) -> None:
    """A bare word in shared memory: answer."""
    own = Ptr[Shared[u64]](back.writer.places[0])
    peer = Ptr[Shared[u64]](there.reader.places[0])
    for i in range(u64(ROUNDS)):
        while True:
            seen = peer[0].load(RELAXED)
            if seen == i + 1:
                break
            pause()
        own[0].store(i + 1, RELAXED)


# ---- rings -----------------------------------------------------------------------------------


@task
def ping(there: Sender, back: Receiver) -> None:
    """Through rings: measure each round trip."""
    for i in range(u64(ROUNDS)):
        start = read_tsc()
        _send(there, i)
        _receive(back)
        samples[i] = read_tsc() - start


@task
def pong(there: Receiver, back: Sender) -> None:
    """Through rings: answer."""
    for _ in range(u64(ROUNDS)):
        _send(back, _receive(there))


@metal(inline=True)
def _send(to: Sender, number: u64) -> None:
    while not ring.has_room(to.producer, 8):
        pause()
    Ptr[u64](ring.take_room(to.producer, 8))[0] = number
    ring.commit(to.producer)


@metal(inline=True)
def _receive(source: Receiver) -> u64:
    while not ring.has_message(source.consumer):
        pause()
    number = Ptr[Shared[u64]](ring.message(source.consumer))[0].load(RELAXED)
    ring.consume(source.consumer)
    return number


# ---- four-slot registers ---------------------------------------------------------------------


@task
def show(there: Writer, back: Reader) -> None:
    """Through four-slot registers: measure each round trip."""
    for i in range(u64(ROUNDS)):
        start = read_tsc()
        _write(there, i)
        _read(back)
        samples[i] = read_tsc() - start


@task
def mirror(there: Reader, back: Writer) -> None:
    """Through four-slot registers: answer."""
    for _ in range(u64(ROUNDS)):
        _write(back, _read(there))


@metal(inline=True)
def _write(to: Writer, number: u64) -> None:
    Ptr[u64](four_slot.begin_write(to.writer))[0] = number
    four_slot.end_write(to.writer)


@metal(inline=True)
def _read(source: Reader) -> u64:
    while not four_slot.has_news(source.reader):
        pause()
    number = Ptr[Shared[u64]](four_slot.begin_read(source.reader))[0].load(RELAXED)
    return number
