"""What the kernels tell each other."""

from __future__ import annotations

from questv.metal.lang import i64, u64
from questv.metal.structs import Struct


class Telemetry(Struct):
    """From comms."""

    life: u64  # of its kernel, from 1
    number: u64  # of the message, from 1, in all lives
    is_last: u64  # 1 if no more will come


class Question(Struct):
    """From the voter to each of the three: where are you?"""

    number: u64  # from 1
    moved: i64  # how far they have come since the question before
    agreed: i64  # where they were at that one, as the majority says
    wrong: u64  # the number of the last answer of this kernel that was found wrong; 0: of none


class Answer(Struct):
    """From one of the three."""

    number: u64  # of the question
    position: i64
