"""Two kernels pass a number back and forth."""

from __future__ import annotations

from questv.api import FOREVER, Receiver, Sender, log, now, task
from questv.metal.lang import RELAXED, Ptr, Shared, u64

ROUNDS = 10


@task
def ping(there: Sender, back: Receiver) -> None:
    """Send a number, wait for it to come back one greater."""
    number: u64 = 0
    for i in range(u64(ROUNDS)):
        start = now()
        Ptr[u64](there.reserve(8, FOREVER))[0] = number
        there.commit()
        answer = Ptr[Shared[u64]](back.receive(FOREVER))[0].load(RELAXED)
        back.done()
        number = answer
        log(f"round {i}: {number} after {now() - start} ns")


@task
def pong(there: Receiver, back: Sender) -> None:
    """Send back what comes, one greater."""
    for _ in range(u64(ROUNDS)):
        number = Ptr[Shared[u64]](there.receive(FOREVER))[0].load(RELAXED)
        there.done()
        Ptr[u64](back.reserve(8, FOREVER))[0] = number + 1
        back.commit()
    log("pong has had enough")
