"""The controller kernel: keeps a room at its target temperature."""

from __future__ import annotations

from messages import Reading, State

from questv.api import NOTHING, Receiver, Writer, log, now, task
from questv.metal.lang import Ptr, copy, i32, local, ptr, u8
from questv.metal.structs import sizeof

PATIENCE = 5_000_000  # nanoseconds
BAND = 20
HEATER = 60


@task
def control(readings: Receiver, state: Writer, target: i32) -> None:
    """Switch the heater on below the target and off above it; the room is a model of one."""
    reading: Reading = local()
    seen: State = local()
    seen.inside = 1500
    while True:
        length = readings.read(Ptr[u8](ptr(reading)), sizeof(Reading), now() + PATIENCE)
        if length == NOTHING:
            seen.late += 1
            seen.heating = 0  # blind: the safe side
            log(f"no reading for {PATIENCE} ns")
            continue
        if length != sizeof(Reading):
            break
        if seen.inside < target - BAND:
            seen.heating = 1
        elif seen.inside > target + BAND:
            seen.heating = 0
        seen.inside += (reading.outside - seen.inside) // 64
        if seen.heating != 0:
            seen.inside += HEATER
        seen.time = reading.time
        seen.readings += 1
        copy(Ptr[State](state.begin(sizeof(State)))[0], seen)
        state.publish()
    seen.finished = 1
    copy(Ptr[State](state.begin(sizeof(State)))[0], seen)
    state.publish()
