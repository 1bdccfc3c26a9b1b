"""What the probes leave in memory, for the host to look at."""

from __future__ import annotations

from enum import IntEnum

from questv.arch.x86.svm import ExitCode
from questv.metal.lang import Array, u32, u64
from questv.metal.structs import Struct, width
from questv.probes.catalogue import PROBES

ADDRESS = 0x20_0000
"""Beyond the image, so that it outlives a processor that starts again."""


@width(u32)
class Outcome(IntEnum):
    """How a probe came out."""

    NOT_RUN = 0
    RUNNING = 1
    HOLDS = 2
    FAILS = 3
    NO_EVENT = 4  # without the wall nothing happens either
    RESTARTED = 5  # it started the processor again
    LEFT_OUT = 6  # it is for other machines


class Result(Struct):
    """How one guest ended."""

    outcome: Outcome
    reserved: u32
    exit_code: ExitCode
    exit_info1: u64
    exit_info2: u64
    rip: u64


class Results(Struct):
    """All of them, and what the processor says that it has."""

    features: u32  # edx of the SVM leaf
    asids: u32  # ebx of the same
    processor: u32  # ecx of leaf 1
    reserved: u32
    results: Array[Result, len(PROBES)]
