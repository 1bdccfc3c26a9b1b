"""Receives the telemetry, whichever life of its sender it comes from."""

from __future__ import annotations

from messages import Telemetry

from questv.api import NOTHING, Counter, Histogram, Receiver, log, now, task
from questv.metal.lang import Ptr, local, ptr, static, u8, u64
from questv.metal.structs import sizeof

PATIENCE = 1_000_000_000

silence: Histogram = static()  # nanoseconds from a message to the next
lost: Counter = static()  # messages by whose numbers it can be told that they did not come
repeated: Counter = static()  # messages that came before


@task
def receive(telemetry: Receiver) -> None:
    """Count what comes until the last message."""
    message: Telemetry = local()
    life: u64 = 0
    lives: u64 = 0
    number: u64 = 0
    since: u64 = 0
    while message.is_last == 0:
        length = telemetry.read(Ptr[u8](ptr(message)), sizeof(Telemetry), now() + PATIENCE)
        if length == NOTHING:
            log(f"nothing came after message {number}")
            return
        if number != 0:
            silence.record(now() - since)
        since = now()
        if message.life != life:
            life = message.life
            lives += 1
        if message.number <= number:
            repeated.add(1)
        else:
            lost.add(message.number - number - 1)
            number = message.number
    log(f"{number} messages were sent, in {lives} lives")
