"""The flight kernel's inner loop: from the gyro to the motors, 250 times a second.

**Estimate.** A complementary filter: rates are integrated, which is right in the short run, and
what drifts is drawn back by what is right in the long run. That is the compass for yaw. For roll
and pitch it can't be where the accelerometer feels down: in flight it feels the propellers' thrust,
which is along the body's axis however that leans. But the outer loop sees in the fixes what a wrong
tilt makes of gravity, and says how far it is off.

**Control.** A cascade on each axis, for roll and pitch::

    wanted angle -> (+) -> angle_gain -> (+) -> rate_gain * inertia -> motors -> 1/s -> 1/s
                     |-                   |- rate <--------------------------------'     |
                     '------- angle <----------------------------------------------------'

With the motors' lag T the loop's characteristic polynomial is

    T s^3 + s^2 + rate_gain s + rate_gain angle_gain

For T = 0.03 s, rate_gain = 20/s and angle_gain = 8/s its roots are -13.3/s and (-10 +- 17.3 i)/s,
damped by 0.5: a wanted angle is reached in a tenth of a second. By Routh's criterion the loop is
stable as long as angle_gain T < 1, and 0.24 is far from that. The rate loop's gain is 1 at 18/s
with a margin of 62 degrees, of which a frame's delay, for computing and the wires, takes 4.
"""

from __future__ import annotations

import cockpit
import schedule
from airframe import (
    FRAME,
    FRAMES_PER_FIX,
    GRAVITY,
    INERTIA_X,
    INERTIA_Y,
    INERTIA_Z,
    MASS,
)
from cockpit import Wanted
from messages import Command, Motion
from motors import Torque, mix
from schedule import AT_ONCE

from questv.api import (
    NOTHING,
    Receiver,
    State,
    Writer,
    finish,
    initialize,
    periodic,
)
from questv.math import PI, TAU, clamp, cos, sin
from questv.metal.lang import Array, Ptr, copy, f64, local, metal, ptr, u8, u32, u64
from questv.metal.structs import sizeof

TILT_TIME = 2.0  # seconds in which an error of the tilt is drawn back
HEADING_TIME = 1.0  # likewise of yaw
YAW_SHARE = 0.25  # of the other axes' gains: yaw has a tenth of their torque
YAW_RATE_MOST = 1.5
RATE_MOST = 4.0
TORQUE_MOST = 0.15  # about roll and pitch; more would take all thrust from two of the motors
YAW_TORQUE_MOST = 0.02


class Attitude(State):
    """What the filter knows."""

    roll: f64
    pitch: f64
    yaw: f64
    rates: Array[f64, 3]
    number: u32  # of the newest frame
    sampled: u64


@periodic(period="4 ms", budget="500 us", floats=True)
def attitude(
    motions: Receiver, command: Writer, own: Attitude, angle_gain: f64, rate_gain: f64
) -> None:
    """Take in each sample that has come, then act once."""
    motion: Motion = local()
    wanted = cockpit.wanted()
    has_news = False
    while True:
        length = motions.read(Ptr[u8](ptr(motion)), sizeof(Motion), AT_ONCE)
        if length != sizeof(Motion):
            break
        has_news = True
        _take_in(own, wanted, motion)
    if has_news:
        value = Ptr[Command](command.begin(sizeof(Command)))[0]
        value.number = own.number
        value.sampled = own.sampled
        control(own, wanted, value, angle_gain, rate_gain)
        command.publish()
    if length != NOTHING:  # the end
        cockpit.felt().is_over = 1
        cockpit.tell()
        finish()


@initialize(attitude)
def await_start() -> None:
    """Be released a little after the sensors' kernel."""
    schedule.await_start(schedule.FLIGHT)


# ---- estimate --------------------------------------------------------------------------------


@metal(floats=True)
def _take_in(own: Attitude, wanted: Wanted, motion: Motion) -> None:
    """Estimate. What the outer loop has found out is used until its next fix, and no longer."""
    if cockpit.felt().samples - wanted.samples <= 2 * FRAMES_PER_FIX:
        estimate(own, motion, wanted.roll_error, wanted.pitch_error)
    else:
        estimate(own, motion, 0.0, 0.0)
    _feel(own, motion)


@metal(floats=True)
def estimate(own: Attitude, motion: Motion, roll_error: f64, pitch_error: f64) -> None:
    """The complementary filter, told by how much the outer loop finds the angles too small."""
    p = motion.rates[0]
    q = motion.rates[1]
    r = motion.rates[2]
    sin_roll = sin(own.roll)
    cos_roll = cos(own.roll)
    cos_pitch = cos(own.pitch)  # never near zero: the controller keeps to small angles
    turning = (q * sin_roll + r * cos_roll) / cos_pitch
    own.roll += FRAME * (p + turning * sin(own.pitch))
    own.pitch += FRAME * (q * cos_roll - r * sin_roll)
    own.yaw += FRAME * turning
    own.roll += FRAME / TILT_TIME * roll_error
    own.pitch += FRAME / TILT_TIME * pitch_error
    own.yaw = wrapped(own.yaw + FRAME / HEADING_TIME * wrapped(motion.heading - own.yaw))
    copy(own.rates, motion.rates)
    own.number = motion.number
    own.sampled = motion.sampled


@metal(floats=True)
def wrapped(angle: f64) -> f64:
    """The same direction, between minus half a turn and half a turn; from at most three halves."""
    if angle > PI:
        return angle - TAU
    return angle + TAU if angle < -PI else angle


@metal(floats=True)
def _feel(own: Attitude, motion: Motion) -> None:
    """Tell ``position`` of the acceleration, turned to the world's axes."""
    sin_roll = sin(own.roll)
    cos_roll = cos(own.roll)
    sin_pitch = sin(own.pitch)
    cos_pitch = cos(own.pitch)
    sin_yaw = sin(own.yaw)
    cos_yaw = cos(own.yaw)
    # Turned back by roll, then by pitch, then by yaw.
    side = motion.acceleration[1] * cos_roll - motion.acceleration[2] * sin_roll
    down = motion.acceleration[1] * sin_roll + motion.acceleration[2] * cos_roll
    ahead = motion.acceleration[0] * cos_pitch + down * sin_pitch
    felt = cockpit.felt()
    felt.push[0] += ahead * cos_yaw - side * sin_yaw
    felt.push[1] += ahead * sin_yaw + side * cos_yaw
    felt.push[2] += down * cos_pitch - motion.acceleration[0] * sin_pitch - GRAVITY
    felt.samples += 1
    felt.yaw = own.yaw
    cockpit.tell()


# ---- control ---------------------------------------------------------------------------------


@metal(floats=True)
def control(
    own: Attitude, wanted: Wanted, command: Command, angle_gain: f64, rate_gain: f64
) -> None:
    """The cascade, and what it takes of the motors."""
    torque: Torque = local()
    roll_rate = clamp(angle_gain * (wanted.roll - own.roll), -RATE_MOST, RATE_MOST)
    pitch_rate = clamp(angle_gain * (wanted.pitch - own.pitch), -RATE_MOST, RATE_MOST)
    yaw_rate = YAW_SHARE * angle_gain * wrapped(wanted.yaw - own.yaw)
    yaw_rate = clamp(yaw_rate, -YAW_RATE_MOST, YAW_RATE_MOST)
    roll = INERTIA_X * rate_gain * (roll_rate - own.rates[0])
    pitch = INERTIA_Y * rate_gain * (pitch_rate - own.rates[1])
    yaw = INERTIA_Z * YAW_SHARE * rate_gain * (yaw_rate - own.rates[2])
    torque.roll = clamp(roll, -TORQUE_MOST, TORQUE_MOST)
    torque.pitch = clamp(pitch, -TORQUE_MOST, TORQUE_MOST)
    torque.yaw = clamp(yaw, -YAW_TORQUE_MOST, YAW_TORQUE_MOST)
    # The lift is wanted upwards, and the motors push along the body's axis.
    thrust = MASS * wanted.lift / (cos(own.roll) * cos(own.pitch))
    mix(command, thrust, torque, wanted.is_armed != 0)
