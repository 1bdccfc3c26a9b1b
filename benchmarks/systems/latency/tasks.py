"""A task that waits for its timer or for messages; others that have nothing but work."""

from __future__ import annotations

from questv.api import FOREVER, Receiver, Sender, now, sleep_until, task
from questv.metal.lang import Ptr, asm, u64

PAUSE = 100_000
"""Nanoseconds between two events."""


@task
def ticks() -> None:
    """Sleep again and again; the label is the first instruction after that."""
    next = now() + PAUSE
    while True:
        sleep_until(next)
        asm("timer_task:", None, "")
        next += PAUSE


@task
def messages(numbers: Receiver) -> None:
    """Wait for messages; the label is the first instruction after that."""
    while True:
        numbers.receive(FOREVER)
        asm("doorbell_task:", None, "")
        numbers.done()


@task
def send(numbers: Sender) -> None:
    """Send one now and then."""
    next = now() + PAUSE
    while True:
        sleep_until(next)
        Ptr[u64](numbers.reserve(8, FOREVER))[0] = next
        numbers.commit()
        next += PAUSE


@task
def work() -> None:
    """Keep the core busy."""
    while True:
        asm("", None, "")


@task
def fail() -> None:
    """Do something for a while, and then what no kernel may."""
    sleep_until(now() + 200_000)
    asm("out 0x70, al", None, "")
