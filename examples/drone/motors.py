"""The last step of control: what each motor has to do for a thrust and three torques."""

from __future__ import annotations

from airframe import LEVER, THRUST_COUNT, THRUST_LEAST, THRUST_MOST, YAW_ARM
from messages import Command

from questv.math import clamp
from questv.metal.lang import f64, metal, u16, u64
from questv.metal.structs import Struct


class Torque(Struct):
    """About the body's axes, in newton metres."""

    roll: f64
    pitch: f64
    yaw: f64


@metal(floats=True)
def mix(command: Command, thrust: f64, torque: Torque, is_armed: bool) -> None:
    """Solve for the thrust of each motor (see airframe for where they are), within its limits."""
    if not is_armed:
        for i in range(u64(4)):
            command.thrust[i] = 0
        return
    mean = thrust / 4
    roll = torque.roll / (4 * LEVER)
    pitch = torque.pitch / (4 * LEVER)
    yaw = torque.yaw / (4 * YAW_ARM)
    command.thrust[0] = _counts(mean + roll - pitch + yaw)
    command.thrust[1] = _counts(mean - roll - pitch - yaw)
    command.thrust[2] = _counts(mean - roll + pitch + yaw)
    command.thrust[3] = _counts(mean + roll + pitch - yaw)


@metal(floats=True)
def _counts(thrust: f64) -> u16:
    return u16(clamp(thrust, THRUST_LEAST, THRUST_MOST) * (1 / THRUST_COUNT))
