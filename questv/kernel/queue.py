"""TEMPORARY."""

from __future__ import annotations

from questv.metal.lang import Array, metal, u64
from questv.metal.structs import Struct

SIZE = 385
NEVER = (1 << 64) - 1


class EventQueue(Struct):
    """Q."""

    first: u64
    times: Array[u64, SIZE]


@metal
def start(q: EventQueue) -> None:
    """S."""
    q.first = NEVER
    for i in range(u64(SIZE)):
        q.times[i] = NEVER


@metal
def set(q: EventQueue, event: u64, time: u64) -> None:
    """S."""
    q.times[event] = time
    _refresh(q)


@metal
def _refresh(q: EventQueue) -> None:
    q.first = NEVER
    for i in range(u64(SIZE)):
        q.first = min(q.first, q.times[i])


@metal
def remove(q: EventQueue, event: u64) -> None:
    """S."""
    q.times[event] = NEVER
    _refresh(q)


@metal(inline=True)
def first_time(q: EventQueue) -> u64:
    """S."""
    return q.first


@metal
def pop(q: EventQueue) -> u64:
    """S."""
    for i in range(u64(SIZE)):
        if q.times[i] == q.first:
            q.times[i] = NEVER
            _refresh(q)
            return i
    return 0
