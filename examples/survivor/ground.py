"""Receives the telemetry, and notices how long there was none."""

from __future__ import annotations

from messages import Telemetry

from questv.api import Counter, Histogram, Reader, State, copy_out, finish, log, now, periodic
from questv.metal.lang import Ptr, local, ptr, static, u8, u64
from questv.metal.structs import sizeof

PATIENCE = 1_000_000_000


class Heard(State):
    """What came last."""

    since: u64  # when that was
    life: u64
    number: u64
    lives: u64  # how many different ones there were


silence: Histogram = static()  # nanoseconds from a message to the next
backwards: Counter = static()  # messages that are older than others before them


@periodic(period="5 ms", budget="2 ms")
def receive(telemetry: Reader, heard: Heard) -> None:
    """Look whether there is news."""
    if heard.since == 0:
        heard.since = now()
    message: Telemetry = local()
    newest = telemetry.newest(sizeof(Telemetry))
    if not newest.is_null():
        copy_out(Ptr[u8](ptr(message)), newest, sizeof(Telemetry))
    if message.number == heard.number:
        if now() > heard.since + PATIENCE:
            log(f"nothing came after message {heard.number}")
            finish()
        return
    if message.number < heard.number or message.life < heard.life:
        backwards.add(1)
    if message.life != heard.life:
        heard.lives += 1
    if heard.number != 0:
        silence.record(now() - heard.since)
    heard.since = now()
    heard.life = message.life
    heard.number = message.number
    if message.is_last != 0:
        log(f"{heard.number} messages were sent, in {heard.lives} lives")
        finish()
