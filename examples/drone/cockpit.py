"""What the two tasks of the flight kernel tell each other, without locks.

``attitude`` has the shorter period, so it is the more urgent one: it may interrupt ``position`` at
any moment, and never the other way round. So what goes to ``attitude`` is written aside and then
put in place by one store; what comes from it is read again if it has run meanwhile. Nobody waits.
"""

from __future__ import annotations

from questv.metal.lang import (
    ACQUIRE,
    RELAXED,
    RELEASE,
    Array,
    Atomic,
    copy,
    f64,
    fence,
    metal,
    static,
    u32,
)
from questv.metal.structs import Struct


class Wanted(Struct):
    """From ``position`` to ``attitude``."""

    roll: f64
    pitch: f64
    yaw: f64
    lift: f64  # upward acceleration by all motors together, in the world's axes
    is_armed: u32  # the motors may turn
    samples: u32  # as in ``Felt``: what this was made from
    roll_error: f64  # by how much roll is more than ``attitude`` believes
    pitch_error: f64


class Felt(Struct):
    """From ``attitude`` to ``position``."""

    push: Array[f64, 3]  # the sum of all accelerations in the world's axes, without gravity
    samples: u32  # so many are in the sum
    is_over: u32  # nothing more will come
    yaw: f64


_wanted: Array[Wanted, 2] = static()
_in_place: Atomic[u32] = static()  # which of them is for ``attitude``
_felt: Felt = static()
_changes: Atomic[u32] = static()  # of ``_felt``, since the start


# ---- for attitude ----------------------------------------------------------------------------


@metal
def wanted() -> Wanted:
    """What is wanted now; it stays as it is until the call of the task is over."""
    return _wanted[_in_place.load(ACQUIRE)]


@metal
def felt() -> Felt:
    """Where to write what is felt, before ``tell``."""
    return _felt


@metal
def tell() -> None:
    """Let ``position`` know that it has changed."""
    _changes.add(1, RELEASE)


# ---- for position ----------------------------------------------------------------------------


@metal
def next_wanted() -> Wanted:
    """Where to write what is wanted next, before ``put_in_place``."""
    return _wanted[1 - _in_place.load(RELAXED)]


@metal
def put_in_place() -> None:
    """Have ``attitude`` act on it."""
    _in_place.store(1 - _in_place.load(RELAXED), RELEASE)


@metal
def look(to: Felt) -> None:
    """Copy what was felt, all of it at one moment."""
    while True:
        before = _changes.load(ACQUIRE)
        copy(to, _felt)
        fence(ACQUIRE)
        if _changes.load(RELAXED) == before:
            return
