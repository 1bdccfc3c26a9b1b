"""When tasks are released: the same moment for all kernels, and then each at its place in a frame.

A kernel's periodic tasks are first released when all of them are ready, which is another moment on
each kernel. Here they wait for an appointed one, at a distance that leaves room for the work of
whoever comes before. So data passes from task to task within a frame, at the same pace in each.
Nothing breaks without it: it would pass a frame later now and then.
"""

from __future__ import annotations

from questv.api import sleep_until
from questv.metal.lang import metal, u64

START = 200_000_000  # nanoseconds since the machine's start: all kernels run by then
PLANT = 0
SENSORS = 400_000
FLIGHT = 800_000
MISSION = 2_000_000

AT_ONCE = 0
"""A deadline for what must not wait."""


@metal
def await_start(phase: u64) -> None:
    """Wait for the moment; the kernel's tasks are released as soon as it has come."""
    sleep_until(START + phase)
