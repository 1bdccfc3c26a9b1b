"""The attacker, and the three kernels that must not notice."""

from __future__ import annotations

from questv.api import FOREVER, Input, Reader, Receiver, Sender, Writer, log, sleep_until, task
from questv.attacks.catalogue import perform
from questv.attacks.orders import Orders
from questv.metal.lang import RELAXED, Ptr, Shared, u64

MESSAGES = 2_000
ATTACK_AT = 2_000_000  # nanoseconds: everybody works by then
FACTOR = 0x9E37_79B9_7F4A_7C15


@task
def attack(orders: Input, progress: Writer) -> None:
    """Look harmless for a while, then do as ordered."""
    Ptr[u64](progress.begin(8))[0] = 1
    progress.publish()
    sleep_until(ATTACK_AT)
    log("attacking")
    perform(Ptr[Orders](orders.bytes)[0])
    log("escaped")
    Ptr[u64](progress.begin(8))[0] = 2
    progress.publish()


@task
def produce(first: Sender) -> None:
    """Send numbers."""
    for number in range(u64(MESSAGES)):
        Ptr[u64](first.reserve(8, FOREVER))[0] = number
        first.commit()


@task
def transform(first: Receiver, second: Sender) -> None:
    """Pass each number on, multiplied."""
    for _ in range(u64(MESSAGES)):
        number = Ptr[Shared[u64]](first.receive(FOREVER))[0].load(RELAXED)
        first.done()
        Ptr[u64](second.reserve(8, FOREVER))[0] = number * FACTOR
        second.commit()


@task
def consume(second: Receiver, progress: Reader) -> None:
    """Check every number, beside an attacker that is seen to run."""
    progress.await_news(FOREVER)
    right: u64 = 0
    for number in range(u64(MESSAGES)):
        product = Ptr[Shared[u64]](second.receive(FOREVER))[0].load(RELAXED)
        second.done()
        if product == number * FACTOR:
            right += 1
    # Outlive the attack, so that what it might do to this kernel would show.
    sleep_until(2 * ATTACK_AT)
    reached = Ptr[Shared[u64]](progress.newest(8))[0].load(RELAXED)
    log(f"{right} of {u64(MESSAGES)} right, attacker at {reached}")
