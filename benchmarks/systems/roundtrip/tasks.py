"""A number goes there and back; both sides sleep while they wait."""

from __future__ import annotations

from questv.api import FOREVER, Reader, Receiver, Sender, Writer, task
from questv.arch.x86.instructions import read_tsc
from questv.metal.lang import RELAXED, Array, Ptr, Shared, metal, static, u64

ROUNDS = 1000

samples: Array[u64, ROUNDS] = static(export="samples")


@task
def ping(there: Sender, back: Receiver) -> None:
    """Through rings: measure each round trip in ticks of the time-stamp counter."""
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
def _send(to: Sender, number: u64) -> None:
    Ptr[u64](to.reserve(8, FOREVER))[0] = number
    to.commit()


@metal(inline=True)
def _receive(source: Receiver) -> u64:
    number = Ptr[Shared[u64]](source.receive(FOREVER))[0].load(RELAXED)
    source.done()
    return number


@metal(inline=True)
def _write(to: Writer, number: u64) -> None:
    Ptr[u64](to.begin(8))[0] = number
    to.publish()


@metal(inline=True)
def _read(source: Reader) -> u64:
    source.await_news(FOREVER)
    number = Ptr[Shared[u64]](source.newest(8))[0].load(RELAXED)
    return number
