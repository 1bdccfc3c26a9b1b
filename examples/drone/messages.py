"""What the kernels of the drone tell each other. Units are SI where nothing else is said."""

from __future__ import annotations

from questv.metal.lang import Array, f64, i16, u16, u32, u64
from questv.metal.structs import Struct, sizeof

NO_MORE = (1 << 32) - 1
"""On a wire, where no message is empty: the number of a frame that says that it is the end."""


class Frame(Struct):
    """What the sensors measure, as numbers of counts (see airframe); an empty message is the end.

    This is also what goes over the wire, in the byte order of x86.
    """

    number: u32  # from 0; one each ``airframe.FRAME`` seconds
    gyro: Array[i16, 3]  # the body's rates about its axes
    acceleration: Array[i16, 3]  # without gravity: at rest it is one g upwards
    heading: i16  # yaw
    position: Array[i16, 3]  # of the world, as a motion-capture system tells it


class Command(Struct):
    """What the motors are to do, as numbers of counts. This goes over the wire, too."""

    number: u32  # of the frame that it answers
    thrust: Array[u16, 4]
    sampled: u64  # when the sensors' kernel took that frame up: nanoseconds


class Motion(Struct):
    """A frame in SI units, without the gyro's bias: from the sensors to the flight kernel."""

    number: u32
    rates: Array[f64, 3]
    acceleration: Array[f64, 3]
    heading: f64
    sampled: u64  # nanoseconds


class Fix(Struct):
    """Where the drone was: from the sensors to the flight kernel."""

    number: u32  # of the frame
    position: Array[f64, 3]


class WayPoint(Struct):
    """Where to be, from the mission to the flight kernel."""

    begin: f64  # the time of the flight from when on this is where to fly to
    position: Array[f64, 3]
    yaw: f64
    is_last: u32  # 1: the flight ends here, on the ground


class Progress(Struct):
    """How the flight goes, as the flight kernel believes: to the mission kernel."""

    time: f64  # of the flight
    position: Array[f64, 3]
    wanted: Array[f64, 3]
    is_over: u32


assert sizeof(Frame) == 24
assert sizeof(Command) == 24
assert sizeof(Fix) == 32
assert sizeof(Progress) == 64
