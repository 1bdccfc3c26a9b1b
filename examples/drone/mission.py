"""The mission's kernel: tells the flight kernel where to fly, and people how it goes.

Nothing that keeps the drone in the air depends on it. The route is handed over before the flight,
and what has been sent stays where it is whatever becomes of the sender.
"""

from __future__ import annotations

import schedule
from messages import Progress, WayPoint
from schedule import AT_ONCE

from questv.api import (
    Reader,
    Sender,
    copy_out,
    finish,
    initialize,
    log,
    periodic,
    task,
)
from questv.metal.lang import Array, Ptr, constant, f64, i32, local, metal, ptr, u8, u64
from questv.metal.structs import sizeof

# From when on, in seconds; where to, in metres; and which way to look, in radians.
ROUTE = (
    (0.5, (0.0, 0.0, 1.5), 0.0),
    (2.5, (1.5, 0.0, 1.5), 0.0),
    (4.5, (1.5, 1.5, 2.0), 1.5),
    (7.6, (0.0, 0.0, 1.0), 0.0),
    (9.7, (0.0, 0.0, 0.0), 0.0),
)
_route: Array[WayPoint, len(ROUTE)] = constant(
    [
        {"begin": begin, "position": list(place), "yaw": yaw, "is_last": number == len(ROUTE) - 1}
        for number, (begin, place, yaw) in enumerate(ROUTE)
    ]
)


@task
def plan(route: Sender) -> None:
    """Send the whole route."""
    for i in range(u64(len(ROUTE))):
        route.send(Ptr[u8](ptr(_route[i])), sizeof(WayPoint), AT_ONCE)
    log(f"{len(ROUTE)} way points sent")


@periodic(period="200 ms", budget="1 ms", floats=True)
def report(progress: Reader, crash_at: f64) -> None:
    """Say where the drone is, in millimetres; at ``crash_at`` seconds, if not 0, go astray."""
    seen: Progress = local()
    newest = progress.newest(sizeof(Progress))
    if newest.is_null():
        return
    copy_out(Ptr[u8](ptr(seen)), newest, sizeof(Progress))
    if crash_at > 0.0 and seen.time >= crash_at:
        _go_astray()
    log(
        f"{_thousandths(seen.time)} ms: at {_thousandths(seen.position[0])} "
        f"{_thousandths(seen.position[1])} {_thousandths(seen.position[2])}"
    )
    if seen.is_over != 0:
        finish()


@initialize(report)
def await_start() -> None:
    """Be released well after the others."""
    schedule.await_start(schedule.MISSION)


@metal
def _go_astray() -> None:
    """Write where there is no memory, as a program with a defect might."""
    Ptr[u64](0xDEAD_0000)[0] = 1


@metal(floats=True)
def _thousandths(value: f64) -> i32:
    return i32(value * 1000.0)
