"""Judges readings, in a process: what it does wrong ends it, and its kernel goes on."""

from __future__ import annotations

from messages import Verdict

from questv.metal.lang import RELAXED, Ptr, Shared, f64, u64
from questv.metal.structs import sizeof
from questv.process import Receiver, Writer, log, now, task

PATIENCE = 1_000_000_000  # nanoseconds


@task(floats=True)
def judge(samples: Receiver, verdict: Writer, wild_at: u64) -> None:
    """Publish the mean of all readings after each of them, until no more come."""
    readings: u64 = 0
    sum: f64 = 0.0
    while True:
        message = samples.receive(now() + PATIENCE)
        if message.is_null():
            break
        reading = Ptr[Shared[u64]](message)[0].load(RELAXED)
        samples.done()
        sum += f64(reading)
        readings += 1
        if readings == wild_at:
            Ptr[u64](0x1234)[0] = readings
        made = Ptr[Verdict](verdict.begin(sizeof(Verdict)))[0]
        made.readings = readings
        made.thousandths = u64(sum * 1000.0 / f64(readings))
        verdict.publish()
    log(f"{readings} readings, and no more come")
