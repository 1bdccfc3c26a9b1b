"""What the kernels tell each other. Temperatures are in hundredths of a degree."""

from __future__ import annotations

from questv.metal.lang import i32, u32, u64
from questv.metal.structs import Struct, sizeof


class Reading(Struct):
    """One sample: from the sensor to the controller."""

    time: u64  # nanoseconds since the machine's start
    outside: i32


class State(Struct):
    """How things stand: from the controller to the panel."""

    time: u64  # of the newest reading
    readings: u32  # since the start
    inside: i32
    heating: u32  # 1 while the heater is on
    finished: u32  # 1 after the last reading
    late: u64  # readings that did not come in time


assert sizeof(State) == 32
