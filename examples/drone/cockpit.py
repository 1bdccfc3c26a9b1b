"""What the two tasks of the flight kernel tell each other, under the mutex ``cockpit``."""

from __future__ import annotations

from questv.metal.lang import Array, f64, static, u32
from questv.metal.structs import Struct


class Wanted(Struct):
    """From ``position`` to ``attitude``."""

    roll: f64
    pitch: f64
    yaw: f64
    lift: f64  # upward acceleration of all motors together, in the world's axes
    is_armed: u32  # the motors may turn
    roll_error: f64  # by how much roll is more than ``attitude`` believes
    pitch_error: f64


class Felt(Struct):
    """From ``attitude`` to ``position``."""

    push: Array[f64, 3]  # the sum of accelerations in the world's axes, without gravity
    samples: u32  # so many are in the sum
    yaw: f64
    is_over: u32  # nothing more will come


wanted: Wanted = static()
felt: Felt = static()
