"""Events and when they are due: a tournament in which the earliest wins.

An event is a small number that its owner chooses; its time is ``NEVER`` unless it is set. The
events are the leaves of a binary tree, and each node above them knows which of the events below it
is the earliest. A change of one event's time replays its matches, from its leaf up to where it
neither wins nor won before: at most the logarithm of how many events there are, never more for
those that are set. (A heap moves events about besides, and finding the next first one costs it two
comparisons a level.) To see when the first is due is one load.

Among events of the same time the order is not defined.
"""

from __future__ import annotations

from questv.metal.lang import Array, leading_zeros, metal, u16, u64
from questv.metal.structs import Struct

EVENTS = 512
"""The most events there can be; a power of two."""
NEVER = (1 << 64) - 1
"""The time of an event that is not set."""
NONE = EVENTS
"""Stands for no event."""
_ROOT = 1  # below node n are nodes 2n and 2n + 1


class EventQueue(Struct):
    """Events and the tree above them."""

    first: u64  # when the first event is due
    leaves: u64  # how many there are, a power of two from 2 on; event e is node leaves + e
    winners: Array[u16, 2 * EVENTS]  # for each node the earliest event at or below it
    times: Array[u64, EVENTS]


@metal
def clear(queue: EventQueue, events: u64) -> None:
    """Make room for so many events, from 1 to ``EVENTS``; none is set."""
    leaves = u64(1) << 64 - leading_zeros(max(events, 2) - 1)
    queue.first = NEVER
    queue.leaves = leaves
    for event in range(leaves):
        queue.times[event] = NEVER
        queue.winners[leaves + event] = u16(event)
    for node in range(leaves - 1, u64(0), -1):
        queue.winners[node] = queue.winners[2 * node]


@metal(inline=True)
def first_time(queue: EventQueue) -> u64:
    """When the first event is due; ``NEVER`` if none is set."""
    return queue.first


@metal(inline=True)
def is_set(queue: EventQueue, event: u64) -> bool:
    """Whether the event has a time."""
    return queue.times[event] != NEVER


@metal
def set(queue: EventQueue, event: u64, time: u64) -> None:
    """Give the event this time, or another than it had."""
    queue.times[event] = time
    node = queue.leaves + event
    while queue.times[queue.winners[node ^ 1]] >= time:
        node //= 2
        queue.winners[node] = u16.wrap(event)
        if node == _ROOT:
            queue.first = time
            return
    _lose(queue, event, node)


@metal
def _lose(queue: EventQueue, event: u64, node: u64) -> None:
    """The event wins up to this node and no further; it may have won above it before."""
    old = u16.wrap(event)
    winner = queue.winners[node ^ 1]
    earliest = queue.times[winner]
    node //= 2
    while queue.winners[node] == old:
        queue.winners[node] = winner
        if node == _ROOT:
            queue.first = earliest
            return
        rival = queue.winners[node ^ 1]
        if queue.times[rival] < earliest:
            winner = rival
            earliest = queue.times[rival]
        node //= 2


@metal(inline=True)
def remove(queue: EventQueue, event: u64) -> None:
    """Let the event have no time, if it has one."""
    if is_set(queue, event):
        _unset(queue, event)


@metal(inline=True)
def pop_due(queue: EventQueue, now: u64) -> u64:
    """The first event, which is then no longer set, if it is due by now; otherwise ``NONE``."""
    if queue.first > now:
        return NONE
    event = u64(queue.winners[_ROOT])
    _unset(queue, event)
    return event


@metal(inline=True)
def _unset(queue: EventQueue, event: u64) -> None:
    queue.times[event] = NEVER
    _lose(queue, event, queue.leaves + event)
