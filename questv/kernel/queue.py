"""Events and when they are due: a binary heap, of which everyone knows where it stands.

An event is a small number that its owner chooses; it is in the queue once or not at all. Putting
one in, moving it and taking it out cost time in the logarithm of how many there are; to see when
the first is due is one load. Among events of the same time the order is not defined.
"""

from __future__ import annotations

from questv.metal.lang import Array, metal, u16, u64
from questv.metal.structs import Struct

EVENTS = 385
"""Events are numbered from 0 to one less."""
NEVER = (1 << 64) - 1
"""Later than everything; no event is due at this time."""
_FIRST = 1  # the children of slot n are 2n and 2n + 1


class Slot(Struct):
    """A place in the heap. No slot's time is earlier than that of its parent, slot n // 2."""

    time: u64
    event: u64


class EventQueue(Struct):
    """A heap of events.

    Slot 0 has time 0, which ends each rise; a slot that is empty has ``NEVER``, so that an only
    child has a sibling.
    """

    count: u64
    slots: Array[Slot, EVENTS + 2]
    places: Array[u16, EVENTS]  # the slot that each event is in, or 0


@metal
def clear(queue: EventQueue) -> None:
    """Make the queue an empty one."""
    queue.count = 0
    queue.slots[0].time = 0
    for place in range(u64(_FIRST), u64(len(queue.slots))):
        queue.slots[place].time = NEVER
    for event in range(u64(EVENTS)):
        queue.places[event] = 0


@metal(inline=True)
def first_time(queue: EventQueue) -> u64:
    """When the first event is due; ``NEVER`` if there is none."""
    return queue.slots[_FIRST].time


@metal(inline=True)
def is_set(queue: EventQueue, event: u64) -> bool:
    """Whether the event is in the queue."""
    return queue.places[event] != 0


@metal
def set(queue: EventQueue, event: u64, time: u64) -> None:
    """Put the event into the queue, or move it to another time."""
    place = u64(queue.places[event])
    if place == 0:
        place = queue.count + 1
        queue.count = place
        _rise(queue, place, event, time)
    elif time < queue.slots[place].time:
        _rise(queue, place, event, time)
    else:
        _sink(queue, place, event, time)


@metal
def remove(queue: EventQueue, event: u64) -> None:
    """Take the event out of the queue, if it is there."""
    place = u64(queue.places[event])
    if place != 0:
        _take_out(queue, place)


@metal(inline=True)
def pop(queue: EventQueue) -> u64:
    """Take out the first event, of which there is one, and give it."""
    event = queue.slots[_FIRST].event
    if queue.count == 1:  # mostly
        queue.places[event] = 0
        queue.slots[_FIRST].time = NEVER
        queue.count = 0
    else:
        _take_out_first(queue)
    return event


@metal
def _take_out_first(queue: EventQueue) -> None:
    _take_out(queue, _FIRST)


@metal(inline=True)
def _take_out(queue: EventQueue, place: u64) -> None:
    """Empty a slot that is in use; the last one's event comes into the gap."""
    count = queue.count
    queue.places[queue.slots[place].event] = 0
    last = queue.slots[count]
    event = last.event
    time = last.time
    last.time = NEVER
    queue.count = count - 1
    if place == count:
        return
    if time < queue.slots[place // 2].time:
        _rise(queue, place, event, time)
    else:
        _sink(queue, place, event, time)


@metal(inline=True)
def _fill(queue: EventQueue, place: u64, event: u64, time: u64) -> None:
    slot = queue.slots[place]
    slot.time = time
    slot.event = event
    queue.places[event] = u16.wrap(place)


@metal(inline=True)
def _rise(queue: EventQueue, place: u64, event: u64, time: u64) -> None:
    """Put the event into the gap at ``place``, or above it where it belongs."""
    gap = place
    while queue.slots[gap // 2].time > time:
        parent = queue.slots[gap // 2]
        _fill(queue, gap, parent.event, parent.time)
        gap //= 2
    _fill(queue, gap, event, time)


@metal(inline=True)
def _sink(queue: EventQueue, place: u64, event: u64, time: u64) -> None:
    """Put the event into the gap at ``place``, or below it where it belongs."""
    gap = place
    while 2 * gap <= queue.count:
        child = 2 * gap
        if queue.slots[child + 1].time < queue.slots[child].time:
            child += 1
        if queue.slots[child].time >= time:
            break
        _fill(queue, gap, queue.slots[child].event, queue.slots[child].time)
        gap = child
    _fill(queue, gap, event, time)
