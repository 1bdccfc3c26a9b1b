from __future__ import annotations

from questv.api import FOREVER, Receiver, Sender, log, now, sleep_until, task
from questv.metal.lang import u64


@task
def tick(ticks: Sender, period: u64) -> None:
    next = now()
    while True:
        next += period
        sleep_until(next)
        ticks.reserve(0, FOREVER)
        ticks.commit()


@task
def count(ticks: Receiver) -> None:
    seen: u64 = 0
    while True:
        ticks.receive(FOREVER)
        ticks.done()
        seen += 1
        log(f"tick {seen}")


@task
def sleep() -> None:
    sleep_until(1 << 62)
