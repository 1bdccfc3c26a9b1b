"""Keeps a pendulum upright that would fall by itself, whatever happens to other kernels.

The pendulum is simulated here, in the machine's own time: if nothing is done for a third of a
second, it leans twice as far as before, and soon lies on the ground.
"""

from __future__ import annotations

from questv.api import State, finish, initialize, log, now, periodic
from questv.math import fabs, sin
from questv.metal.lang import f64, i64, metal, u64

STEP = 1_000_000  # nanoseconds of a step of the simulation
STEPS = 50  # of a call at most: for a host that is late, when it is not the machine that is
SECONDS = 0.001  # the same step
GRAVITY = 9.81  # of a pendulum of a metre: radians per second squared
DOWN = 1.5  # radians; from there it does not get up any more
PUSH_EVERY = 150  # steps
PUSH = 0.4  # radians per second
SHOWN_EVERY = 500  # calls


class Pendulum(State):
    """How it is, and what holds it."""

    time: u64  # to which the simulation has come
    steps: u64
    calls: u64
    angle: f64  # radians from upright
    rate: f64
    push: f64  # what the controller does about it, radians per second squared
    most: f64  # the farthest that it has leant


@periodic(period="1 ms", budget="500 us", floats=True)
def balance(pendulum: Pendulum, stiffness: f64, damping: f64, calls: u64) -> None:
    """See how it leans, and push against it."""
    steps: u64 = 0
    while pendulum.time + STEP <= now() and steps < STEPS:
        swing(pendulum)
        steps += 1
    pendulum.push = -(stiffness * pendulum.angle + damping * pendulum.rate)
    pendulum.calls += 1
    if pendulum.calls % SHOWN_EVERY == 0:
        tell(pendulum)
    if pendulum.calls == calls:
        finish()


@initialize(balance)
def begin(pendulum: Pendulum) -> None:
    """It stands, from now on by itself."""
    pendulum.time = now()


@metal(floats=True)
def swing(pendulum: Pendulum) -> None:
    """A step of the simulation, with somebody who pushes it now and then."""
    pendulum.time += STEP
    pendulum.steps += 1
    if pendulum.steps % PUSH_EVERY == 0:
        pendulum.rate += PUSH
    if fabs(pendulum.angle) >= DOWN:
        pendulum.rate = 0.0
        return
    pendulum.rate += SECONDS * (GRAVITY * sin(pendulum.angle) + pendulum.push)
    pendulum.angle += SECONDS * pendulum.rate
    pendulum.most = max(pendulum.most, fabs(pendulum.angle))


@metal(floats=True)
def tell(pendulum: Pendulum) -> None:
    """Say how far it leans and has leant, in thousandths of a radian."""
    leans = i64(pendulum.angle * 1000.0)
    most = i64(pendulum.most * 1000.0)
    log(f"call {pendulum.calls}: it leans {leans} mrad, {most} at most")
