"""The plant: how the drone moves in the air, and what its sensors measure.

A rigid body with four motors that follow their commands with a lag, drag against the air, a gust of
wind, and a floor. The numbers come from ``airframe``, the noise from a small generator, so that
each flight is like the last.
"""

from __future__ import annotations

from airframe import (
    ACCELERATION_COUNT,
    DRAG,
    FRAME,
    GRAVITY,
    GYRO_COUNT,
    HEADING_COUNT,
    INERTIA_X,
    INERTIA_Y,
    INERTIA_Z,
    LEVER,
    MASS,
    MOTOR_LAG,
    POSITION_COUNT,
    THRUST_COUNT,
    THRUST_MOST,
    YAW_ARM,
)
from messages import Command, Frame

from questv.math import PI, TAU, asin, atan2, cos, round, sqrt
from questv.metal.lang import Array, f64, i16, local, metal, u32, u64
from questv.metal.structs import Struct

STEPS = 4  # of the integration for each frame
STEP = FRAME / STEPS  # a thirtieth of the shortest time constant, the motors'

GYRO_NOISE = 0.01
GYRO_BIAS = (0.02, -0.015, 0.01)  # what a sensor shows at rest; the drone has to find it out
ACCELERATION_NOISE = 0.15
HEADING_NOISE = 0.01
POSITION_NOISE = 0.008

GUST_LENGTH = 1.0  # seconds
GUST_X = 0.6  # the gust's direction: the cosine
GUST_Y = -0.8  # and the sine


class Body(Struct):
    """The drone, and all else that the plant remembers."""

    position: Array[f64, 3]
    velocity: Array[f64, 3]
    attitude: Array[f64, 4]  # the quaternion that turns the body's axes to the world's
    rates: Array[f64, 3]  # about the body's axes
    thrust: Array[f64, 4]  # of each motor
    push: Array[f64, 3]  # acceleration by all forces but gravity, along the world's axes
    number: u32  # of the next frame
    random: u64  # the generator's state, which is never 0


class Turn(Struct):
    """The body's axes in those of the world: a matrix, row by row."""

    x: Array[f64, 3]
    y: Array[f64, 3]
    z: Array[f64, 3]


class Angles(Struct):
    """Roll, pitch and yaw."""

    roll: f64
    pitch: f64
    yaw: f64


@metal(floats=True)
def place(body: Body) -> None:
    """Put the drone on the floor, motors off."""
    body.attitude[0] = 1.0
    body.push[2] = GRAVITY  # of the floor
    body.random = 0x9E37_79B9_7F4A_7C15


@metal(floats=True)
def advance(body: Body, command: Command, gust: f64, gust_begin: f64) -> None:
    """Let the time of one frame pass; ``gust`` is its greatest speed, from ``gust_begin`` on."""
    for i in range(u32(STEPS)):
        time = f64(body.number) * FRAME + f64(i) * STEP
        _step(body, command, wind(time, gust, gust_begin))
    body.number += 1


@metal(floats=True)
def wind(time: f64, gust: f64, gust_begin: f64) -> f64:
    """The air's speed: a gust that swells and dies as one period of a cosine, as is usual."""
    phase = (time - gust_begin) / GUST_LENGTH
    if phase < 0.0 or phase > 1.0:
        return 0.0
    return gust * 0.5 * (1.0 - cos(TAU * phase))


@metal(floats=True)
def _step(body: Body, command: Command, air: f64) -> None:
    """One step of the semi-implicit method of Euler: forces, speeds, then places by the speeds."""
    for i in range(u64(4)):
        wanted = min(f64(command.thrust[i]) * THRUST_COUNT, THRUST_MOST)
        body.thrust[i] += (wanted - body.thrust[i]) * (STEP / MOTOR_LAG)
    turn: Turn = local()
    _turn(body, turn)
    lift = (body.thrust[0] + body.thrust[1] + body.thrust[2] + body.thrust[3]) / MASS
    drag: f64 = DRAG / MASS
    body.push[0] = turn.x[2] * lift - drag * (body.velocity[0] - air * GUST_X)
    body.push[1] = turn.y[2] * lift - drag * (body.velocity[1] - air * GUST_Y)
    body.push[2] = turn.z[2] * lift - drag * body.velocity[2]
    if body.position[2] <= 0.0 and body.push[2] < GRAVITY:
        _rest(body)
        return
    for i in range(u64(3)):
        body.velocity[i] += body.push[i] * STEP
        if i == 2:
            body.velocity[i] -= GRAVITY * STEP
        body.position[i] += body.velocity[i] * STEP
    _spin(body)


@metal(floats=True)
def _rest(body: Body) -> None:
    """The floor holds it."""
    body.position[2] = 0.0
    for i in range(u64(3)):
        body.velocity[i] = 0.0
        body.rates[i] = 0.0
        body.push[i] = 0.0
    body.push[2] = GRAVITY


@metal(floats=True)
def _spin(body: Body) -> None:
    """Euler's equations of the rigid body, and what the rates do to the attitude."""
    t = body.thrust
    roll = LEVER * (t[0] - t[1] - t[2] + t[3])
    pitch = LEVER * (t[2] + t[3] - t[0] - t[1])
    yaw = YAW_ARM * (t[0] - t[1] + t[2] - t[3])
    p = body.rates[0]
    q = body.rates[1]
    r = body.rates[2]
    p += (roll - (INERTIA_Z - INERTIA_Y) * q * r) * (STEP / INERTIA_X)
    q += (pitch - (INERTIA_X - INERTIA_Z) * r * p) * (STEP / INERTIA_Y)
    r += (yaw - (INERTIA_Y - INERTIA_X) * p * q) * (STEP / INERTIA_Z)
    body.rates[0] = p
    body.rates[1] = q
    body.rates[2] = r
    w = body.attitude[0]
    x = body.attitude[1]
    y = body.attitude[2]
    z = body.attitude[3]
    half: f64 = STEP / 2
    body.attitude[0] = w - half * (x * p + y * q + z * r)
    body.attitude[1] = x + half * (w * p + y * r - z * q)
    body.attitude[2] = y + half * (w * q + z * p - x * r)
    body.attitude[3] = z + half * (w * r + x * q - y * p)
    square: f64 = 0.0
    for i in range(u64(4)):
        square += body.attitude[i] * body.attitude[i]
    for i in range(u64(4)):
        body.attitude[i] /= sqrt(square)


@metal(floats=True)
def _turn(body: Body, turn: Turn) -> None:
    w = body.attitude[0]
    x = body.attitude[1]
    y = body.attitude[2]
    z = body.attitude[3]
    turn.x[0] = 1.0 - 2.0 * (y * y + z * z)
    turn.x[1] = 2.0 * (x * y - w * z)
    turn.x[2] = 2.0 * (x * z + w * y)
    turn.y[0] = 2.0 * (x * y + w * z)
    turn.y[1] = 1.0 - 2.0 * (x * x + z * z)
    turn.y[2] = 2.0 * (y * z - w * x)
    turn.z[0] = 2.0 * (x * z - w * y)
    turn.z[1] = 2.0 * (y * z + w * x)
    turn.z[2] = 1.0 - 2.0 * (x * x + y * y)


@metal(floats=True)
def find_angles(body: Body, angles: Angles) -> None:
    """The attitude as angles."""
    turn: Turn = local()
    _turn(body, turn)
    angles.roll = atan2(turn.z[1], turn.z[2])
    angles.pitch = asin(max(-1.0, min(-turn.z[0], 1.0)))
    angles.yaw = atan2(turn.y[0], turn.x[0])


@metal(floats=True)
def measure(body: Body, frame: Frame) -> None:
    """What the sensors say: biased, noisy, and in whole counts."""
    turn: Turn = local()
    _turn(body, turn)
    frame.number = body.number
    for i in range(u64(3)):
        rate = body.rates[i] + _gyro_bias(i) + GYRO_NOISE * _noise(body)
        frame.gyro[i] = _counts(rate, GYRO_COUNT)
        # Along the body's axis, which is a column of the matrix.
        push = turn.x[i] * body.push[0] + turn.y[i] * body.push[1] + turn.z[i] * body.push[2]
        frame.acceleration[i] = _counts(
            push + ACCELERATION_NOISE * _noise(body), ACCELERATION_COUNT
        )
        frame.position[i] = _counts(
            body.position[i] + POSITION_NOISE * _noise(body), POSITION_COUNT
        )
    yaw = atan2(turn.y[0], turn.x[0]) + HEADING_NOISE * _noise(body)
    if yaw > PI:
        yaw -= TAU
    frame.heading = _counts(yaw, HEADING_COUNT)


@metal(floats=True)
def _gyro_bias(axis: u64) -> f64:
    if axis == 0:
        return GYRO_BIAS[0]
    return GYRO_BIAS[1] if axis == 1 else GYRO_BIAS[2]


@metal(floats=True)
def _counts(value: f64, count: f64) -> i16:
    return i16(round(value / count))  # beyond the range it is the nearest bound


@metal(floats=True)
def _noise(body: Body) -> f64:
    """A random number with a deviation of 1: the sum of four uniform ones (Irwin and Hall)."""
    random = body.random  # xorshift64 of Marsaglia, with the multiplier of Vigna's xorshift64*
    random ^= random >> 12
    random ^= random << 25
    random ^= random >> 27
    body.random = random
    bits = random * 0x2545_F491_4F6C_DD1D
    total: f64 = 0.0
    for i in range(u64(4)):
        total += f64(bits >> 16 * i & 0xFFFF) * (1 / 65536)
    return (total - 2.0) * 1.7320508075688772
