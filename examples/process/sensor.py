"""Sends readings, and says what the judge has made of them."""

from __future__ import annotations

from messages import Verdict

from questv.api import FOREVER, Reader, Sender, State, copy_out, finish, log, now, periodic
from questv.metal.lang import Ptr, local, metal, ptr, u8, u64
from questv.metal.structs import sizeof

PATIENCE = 2_000_000_000  # nanoseconds


class Progress(State):
    """How far it has come."""

    sent: u64


@periodic(period="1 ms", budget="200 us")
def sample(samples: Sender, verdict: Reader, progress: Progress, readings: u64) -> None:
    """Send a reading; after the last one, say what the judge has made of them."""
    Ptr[u64](samples.reserve(8, FOREVER))[0] = progress.sent % 10
    samples.commit()
    progress.sent += 1
    if progress.sent == readings:
        show(verdict, readings)
        finish()


@metal
def show(verdict: Reader, readings: u64) -> None:
    """Wait for the verdict on all readings, but not for ever."""
    seen: Verdict = local()
    deadline = now() + PATIENCE
    while seen.readings < readings:
        if not verdict.await_news(deadline):
            log(f"no verdict after reading {seen.readings}")
            return
        copy_out(Ptr[u8](ptr(seen)), verdict.newest(sizeof(Verdict)), sizeof(Verdict))
    log(f"{seen.readings} readings, their mean is {seen.thousandths} thousandths")
