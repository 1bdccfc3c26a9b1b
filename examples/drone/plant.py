"""The plant's kernel, in the place of a drone: it flies by itself, and records its flight."""

from __future__ import annotations

import schedule
from airframe import FRAME
from dynamics import Angles, Body, advance, find_angles, measure, place
from messages import Command, Frame
from schedule import AT_ONCE

from questv.api import (
    Histogram,
    Reader,
    Sender,
    State,
    copy_out,
    finish,
    initialize,
    log_end,
    log_part,
    now,
    periodic,
)
from questv.metal.lang import Ptr, f64, i32, local, metal, ptr, static, u8, u32, u64
from questv.metal.structs import sizeof

FRAMES_PER_SAMPLE = 12  # of the record
SAMPLES_PER_LINE = 4  # a console keeps 64 lines, of which a flight of 12 seconds takes 63

reaction: Histogram = static()  # nanoseconds from the sensors' look at a frame to the motors


class Plant(State):
    """The drone, and what its motors were told last."""

    body: Body
    command: Command


@periodic(period="4 ms", budget="500 us", floats=True)
def fly(
    frames: Sender,
    command: Reader,
    own: Plant,
    gust: f64,
    gust_begin: f64,
    flight_time: f64,
) -> None:
    """Fly for the time of a frame and say what the sensors see then."""
    _take_command(command, own.command)
    if f64(own.body.number) * FRAME >= flight_time:
        log_end()
        frames.send(Ptr[u8](ptr(own.command)), 0, AT_ONCE)  # of nothing: the end
        finish()
        return
    if own.body.number % FRAMES_PER_SAMPLE == 0:
        _record(own.body)
    room = frames.reserve(sizeof(Frame), AT_ONCE)
    if not room.is_null():  # else the sensors' kernel has stopped looking
        measure(own.body, Ptr[Frame](room)[0])
        frames.commit()
    advance(own.body, own.command, gust, gust_begin)


@initialize(fly)
def prepare(own: Plant) -> None:
    """Be released first in each frame."""
    place(own.body)
    schedule.await_start(schedule.PLANT)


@metal(floats=True)
def _take_command(command: Reader, newest: Command) -> None:
    value = command.newest(sizeof(Command))
    if not value.is_null():
        before = newest.number
        copy_out(Ptr[u8](ptr(newest)), value, sizeof(Command))
        if newest.number != before:
            reaction.record(now() - newest.sampled)


@metal(floats=True)
def _record(body: Body) -> None:
    """Write the truth: ms; mm; mrad; mN, each sample after a semicolon."""
    angles: Angles = local()
    find_angles(body, angles)
    if body.number // FRAMES_PER_SAMPLE % SAMPLES_PER_LINE == 0 and body.number != 0:
        log_end()
    log_part(f"{u32(f64(body.number) * (FRAME * 1000))}")
    for i in range(u64(3)):
        log_part(f" {_thousandths(body.position[i])}")
    log_part(f" {_thousandths(angles.roll)} {_thousandths(angles.pitch)}")
    log_part(f" {_thousandths(angles.yaw)}")
    for i in range(u64(4)):
        log_part(f" {_thousandths(body.thrust[i])}")
    log_part(";")


@metal(floats=True)
def _thousandths(value: f64) -> i32:
    return i32(value * 1000.0)
