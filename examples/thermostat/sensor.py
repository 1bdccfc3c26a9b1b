"""The sensor kernel: takes a sample of the weather at a fixed rate."""

from __future__ import annotations

from messages import Reading

from questv.api import FOREVER, Input, Sender, now, sleep_until, task
from questv.metal.lang import Ptr, i32, u64
from questv.metal.structs import sizeof


@task
def sample(weather: Input, readings: Sender, period: u64, samples: u64) -> None:
    """Send a reading every ``period`` nanoseconds; an empty message says that there are no more.

    Each byte of the input is a temperature in degrees; without an input it is 10 degrees.
    """
    due = now()
    for number in range(samples):
        due += period
        sleep_until(due)
        reading = Ptr[Reading](readings.reserve(sizeof(Reading), FOREVER))[0]
        reading.time = now()
        reading.outside = 1000
        if weather.length != 0:
            reading.outside = i32(weather.bytes[number % weather.length]) * 100
        readings.commit()
    readings.reserve(0, FOREVER)
    readings.commit()
