"""The sensors' kernel: makes measurements out of what the sensors count."""

from __future__ import annotations

import schedule
from airframe import (
    ACCELERATION_COUNT,
    FRAMES_PER_FIX,
    GYRO_COUNT,
    HEADING_COUNT,
    POSITION_COUNT,
)
from messages import Fix, Frame, Motion
from schedule import AT_ONCE

from questv.api import (
    NOTHING,
    Counter,
    Receiver,
    Sender,
    State,
    Writer,
    finish,
    initialize,
    now,
    periodic,
)
from questv.metal.lang import Array, Ptr, f64, local, metal, ptr, static, u8, u32, u64
from questv.metal.structs import sizeof

FRAMES_AT_REST = 100  # at the beginning, in which the gyro's bias can be seen

frames_lost: Counter = static()


class Calibration(State):
    """What the gyro shows at rest."""

    next: u32  # number of the next frame
    bias: Array[f64, 3]  # the mean of the frames at rest so far, in counts


@periodic(period="4 ms", budget="500 us", floats=True)
def sense(frames: Receiver, motions: Sender, fix: Writer, calibration: Calibration) -> None:
    """Pass on what has come since the last call: one frame, unless somebody was late."""
    frame: Frame = local()
    sampled = now()
    while True:
        length = frames.read(Ptr[u8](ptr(frame)), sizeof(Frame), AT_ONCE)
        if length == NOTHING:
            return
        if length != sizeof(Frame):  # the end
            motions.send(Ptr[u8](ptr(frame)), 0, AT_ONCE)
            finish()
            return
        frames_lost.add(u64(frame.number - calibration.next))
        calibration.next = frame.number + 1
        _calibrate(calibration, frame)
        _send_motion(motions, frame, calibration, sampled)
        if frame.number % FRAMES_PER_FIX == 0:
            _write_fix(fix, frame)


@initialize(sense)
def await_start() -> None:
    """Be released a little after the frame has come."""
    schedule.await_start(schedule.SENSORS)


@metal(floats=True)
def _calibrate(calibration: Calibration, frame: Frame) -> None:
    if frame.number < FRAMES_AT_REST:
        for i in range(u64(3)):
            off = f64(frame.gyro[i]) - calibration.bias[i]
            calibration.bias[i] += off / f64(frame.number + 1)


@metal(floats=True)
def _send_motion(motions: Sender, frame: Frame, calibration: Calibration, sampled: u64) -> None:
    room = motions.reserve(sizeof(Motion), AT_ONCE)
    if room.is_null():
        return  # the flight kernel has stopped taking them
    motion = Ptr[Motion](room)[0]
    motion.number = frame.number
    for i in range(u64(3)):
        motion.rates[i] = (f64(frame.gyro[i]) - calibration.bias[i]) * GYRO_COUNT
        motion.acceleration[i] = f64(frame.acceleration[i]) * ACCELERATION_COUNT
    motion.heading = f64(frame.heading) * HEADING_COUNT
    motion.sampled = sampled
    motions.commit()


@metal(floats=True)
def _write_fix(fix: Writer, frame: Frame) -> None:
    value = Ptr[Fix](fix.begin(sizeof(Fix)))[0]
    value.number = frame.number
    for i in range(u64(3)):
        value.position[i] = f64(frame.position[i]) * POSITION_COUNT
    fix.publish()
