"""What the counter and the host share: a file that both have mapped."""

from __future__ import annotations

from questv.metal.lang import Array, Atomic, u32, u64
from questv.metal.structs import Struct, sizeof

MAX_CORES = 64
MAX_MARKS = 64
MAX_EVENTS = 1 << 20


class CoreCount(Struct, size=64):
    """One core's, on a cache line that nobody else writes."""

    instructions: u64  # that it has begun to execute


class Mark(Struct):
    """An instruction of one core's, by its virtual address."""

    address: u64
    core: u32


class Event(Struct):
    """A mark that a core has come to."""

    before: u64  # instructions that this core had begun before the marked one
    mark: u32  # index of the mark


class Results(Struct):
    """All of it; ``marks`` are the host's, the rest is the counter's."""

    cores: Array[CoreCount, MAX_CORES]
    mark_count: u64
    marks: Array[Mark, MAX_MARKS]
    happened: Atomic[u64]  # events, those included that there was no room for
    events: Array[Event, MAX_EVENTS]


SIZE = sizeof(Results)
