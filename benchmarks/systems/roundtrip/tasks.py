"""A number goes there and back; both sides sleep while they wait."""

from __future__ import annotations

from questv.api import FOREVER, Receiver, Sender, task
from questv.arch.x86.instructions import read_tsc
from questv.metal.lang import RELAXED, Array, Ptr, Shared, metal, static, u64

ROUNDS = 1000

samples: Array[u64, ROUNDS] = static(export="samples")


@task
def ping(there: Sender, back: Receiver) -> None:
    """Measure each round trip, in ticks of the time-stamp counter."""
    for i in range(u64(ROUNDS)):
        start = read_tsc()
        _send(there, i)
        _receive(back)
        samples[i] = read_tsc() - start


@task
def pong(there: Receiver, back: Sender) -> None:
    """Answer."""
    for _ in range(u64(ROUNDS)):
        _send(back, _receive(there))


@metal(inline=True)
def _send(to: Sender, number: u64) -> None:
    Ptr[u64](to.reserve(8, FOREVER))[0] = number
    to.commit()


@metal(inline=True)
def _receive(source: Receiver) -> u64:
    number = Ptr[Shared[u64]](source.receive(FOREVER))[0].load(RELAXED)
    source.done()
    return number
