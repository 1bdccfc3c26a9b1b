"""The flight kernel's outer loop: from where the drone is to how to lean, 50 times a second.

Each axis of the world is for itself a mass that is pushed: its position is the acceleration,
integrated twice. All gains follow from poles, of which each loop has three in one place.

**Estimate.** An observer integrates the acceleration that is felt, and corrects position, velocity
and a bias of the acceleration by what a fix differs from what was foreseen. The bias takes in what
a wrong tilt makes of gravity: a degree too little looks like 0.17 m/s^2. With gains 3 w, 3 w^2 and
w^3 the error has the polynomial (s + w)^3, for w = ``OBSERVER``: it is gone within a second, and
fixes with a noise of 8 mm make velocities with one of about 1 cm/s.

**Control.** With gains 3 k^2 on the error, 3 k on that of the velocity and k^3 on the error's
integral, which is there for steady wind, the polynomial is (s + k)^3, k being ``stiffness``. That
leaves out the inner loop, so it has to be fast by comparison. For k = 1.2/s this loop's gain is 1
at 3.6/s, where the inner one's slowest root is 13/s. Of the phase's margin, 71 degrees without
them, the inner loop and a delay of 15 ms leave 42. A gust's push of 1 m/s^2 for half a second takes
the drone away by 10 cm or so, the most of t^2 exp(-k t) / 2 times 0.5 m/s.

**Guide.** What is wanted does not jump from one way point to the next: it moves as a damped spring
would, with bounded speed and acceleration, and its acceleration is passed on to control beforehand.
"""

from __future__ import annotations

import cockpit
import schedule
from airframe import DRAG, FRAME, GRAVITY, MASS
from cockpit import Felt
from messages import Fix, Progress, WayPoint
from schedule import AT_ONCE

from questv.api import (
    Reader,
    Receiver,
    State,
    Writer,
    copy_out,
    finish,
    initialize,
    periodic,
)
from questv.math import atan2, clamp, cos, hypot, sin
from questv.metal.lang import Array, Ptr, copy, f64, local, metal, ptr, u8, u32, u64
from questv.metal.structs import Struct, sizeof

OBSERVER = 5.0  # the observer's poles: slower than fixes come by far, faster than the control's
SPRING = 3.5  # both poles of the guide
SPEED_MOST = 1.5
ACCELERATION_MOST = 2.5
PUSH_MOST = 3.5  # acceleration, on each level axis: a tilt of 20 degrees
LIFT_MOST = 4.0  # acceleration, upwards and downwards
INTEGRAL_NEAR = 0.5  # metres within which the error is integrated: what is farther is a manoeuvre
NEAR_FLOOR = 0.05


class Axis(Struct):
    """One axis of the world: what is known, and what is wanted."""

    position: f64
    velocity: f64
    bias: f64  # of the acceleration
    wanted: f64
    wanted_velocity: f64
    wanted_acceleration: f64
    integral: f64  # of the error


class Position(State):
    """Where it is and where it goes."""

    axes: Array[Axis, 3]
    number: u32  # of the frame of the newest fix
    has_fix: u32
    felt: Felt  # until then
    now: WayPoint
    next: WayPoint
    has_next: u32
    has_landed: u32


@periodic(period="20 ms", budget="1 ms", floats=True)
def position(fix: Reader, route: Receiver, progress: Writer, own: Position, stiffness: f64) -> None:
    """Act on a fix, if there is a new one."""
    found: Fix = local()
    felt: Felt = local()
    cockpit.look(felt)
    if felt.is_over != 0:
        _report(progress, own, True)
        finish()
    elif _find_fix(own, fix, found):
        elapsed = FRAME * f64(felt.samples - own.felt.samples)
        _estimate(own, found, felt, elapsed)
        _follow_route(own, route)
        for i in range(u64(3)):
            guide(own.axes[i], own.now.position[i], elapsed)
        _command(own, stiffness, elapsed)
        _report(progress, own, False)


@initialize(position)
def await_start() -> None:
    """Be released with the inner loop, which goes first."""
    schedule.await_start(schedule.FLIGHT)


# ---- estimate --------------------------------------------------------------------------------


@metal(floats=True)
def _find_fix(own: Position, fix: Reader, found: Fix) -> bool:
    """Copy the newest fix; false if it is known already."""
    newest = fix.newest(sizeof(Fix))
    if newest.is_null():
        return False
    copy_out(Ptr[u8](ptr(found)), newest, sizeof(Fix))
    return found.number != own.number or own.has_fix == 0


@metal(floats=True)
def _estimate(own: Position, found: Fix, felt: Felt, elapsed: f64) -> None:
    for i in range(u64(3)):
        if own.has_fix == 0:
            own.axes[i].position = found.position[i]
            own.axes[i].wanted = found.position[i]
        else:
            push = (felt.push[i] - own.felt.push[i]) * FRAME
            observe(own.axes[i], push, elapsed, found.position[i])
    own.has_fix = 1
    own.number = found.number
    copy(own.felt, felt)


@metal(floats=True)
def observe(axis: Axis, push: f64, elapsed: f64, position: f64) -> None:
    """Foresee by what was felt, ``push`` being its integral; correct by a fix."""
    gained = push + axis.bias * elapsed
    axis.position += (axis.velocity + gained / 2) * elapsed
    axis.velocity += gained
    error = position - axis.position
    axis.position += 3 * OBSERVER * elapsed * error
    axis.velocity += 3 * OBSERVER * OBSERVER * elapsed * error
    axis.bias += OBSERVER * OBSERVER * OBSERVER * elapsed * error


# ---- guide -----------------------------------------------------------------------------------


@metal(floats=True)
def _follow_route(own: Position, route: Receiver) -> None:
    """Take up way points whose time has come. Who sent them need not be there any more."""
    time = f64(own.number) * FRAME
    while True:
        if own.has_next == 0:
            length = route.read(Ptr[u8](ptr(own.next)), sizeof(WayPoint), AT_ONCE)
            if length != sizeof(WayPoint):
                return
            own.has_next = 1
        if time < own.next.begin:
            return
        copy(own.now, own.next)
        own.has_next = 0


@metal(floats=True)
def guide(axis: Axis, target: f64, elapsed: f64) -> None:
    """Move what is wanted towards the target."""
    pull = SPRING * SPRING * (target - axis.wanted) - 2 * SPRING * axis.wanted_velocity
    pull = clamp(pull, -ACCELERATION_MOST, ACCELERATION_MOST)
    before = axis.wanted_velocity
    axis.wanted_velocity = clamp(before + pull * elapsed, -SPEED_MOST, SPEED_MOST)
    axis.wanted_acceleration = (axis.wanted_velocity - before) / elapsed
    axis.wanted += axis.wanted_velocity * elapsed


# ---- control ---------------------------------------------------------------------------------


@metal(floats=True)
def _command(own: Position, stiffness: f64, elapsed: f64) -> None:
    if own.now.is_last != 0 and own.axes[2].position < NEAR_FLOOR:
        own.has_landed = 1
    is_armed = own.now.begin > 0.0 and own.has_landed == 0
    x = clamp(push(own.axes[0], stiffness, elapsed, is_armed), -PUSH_MOST, PUSH_MOST)
    y = clamp(push(own.axes[1], stiffness, elapsed, is_armed), -PUSH_MOST, PUSH_MOST)
    z = clamp(push(own.axes[2], stiffness, elapsed, is_armed), -LIFT_MOST, LIFT_MOST)
    sin_yaw = sin(own.felt.yaw)
    cos_yaw = cos(own.felt.yaw)
    ahead = x * cos_yaw + y * sin_yaw
    left = y * cos_yaw - x * sin_yaw
    wanted = cockpit.next_wanted()
    wanted.lift = GRAVITY + z
    wanted.pitch = atan2(ahead, wanted.lift)
    wanted.roll = atan2(-left, hypot(ahead, wanted.lift))
    wanted.yaw = own.now.yaw
    wanted.is_armed = u32(is_armed)
    wanted.samples = own.felt.samples
    # A bias ahead is a nose that is lower than believed; one to the left is a left side that is.
    wanted.pitch_error = (own.axes[0].bias * cos_yaw + own.axes[1].bias * sin_yaw) / GRAVITY
    wanted.roll_error = (own.axes[0].bias * sin_yaw - own.axes[1].bias * cos_yaw) / GRAVITY
    cockpit.put_in_place()


@metal(floats=True)
def push(axis: Axis, stiffness: f64, elapsed: f64, is_armed: bool) -> f64:
    """The acceleration that brings the axis to what is wanted of it."""
    error = axis.wanted - axis.position
    if is_armed and error > -INTEGRAL_NEAR and error < INTEGRAL_NEAR:
        axis.integral += error * elapsed
    return (
        axis.wanted_acceleration
        + (DRAG / MASS) * axis.wanted_velocity
        + 3 * stiffness * (axis.wanted_velocity - axis.velocity)
        + 3 * stiffness * stiffness * error
        + stiffness * stiffness * stiffness * axis.integral
    )


@metal(floats=True)
def _report(progress: Writer, own: Position, is_over: bool) -> None:
    value = Ptr[Progress](progress.begin(sizeof(Progress)))[0]
    value.time = f64(own.number) * FRAME
    for i in range(u64(3)):
        value.position[i] = own.axes[i].position
        value.wanted[i] = own.axes[i].wanted
    value.is_over = u32(is_over)
    progress.publish()
