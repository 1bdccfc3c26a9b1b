"""Attacks on the kernel at the other end of a channel: they may cost it messages of that one."""

from __future__ import annotations

from collections.abc import Iterator

from questv.attacks import channels
from questv.channel.ring import HEADER, SKIP
from questv.plan.build import BuiltSystem

from .case import Case

_HUGE = (1 << 64) - 8


def cases(built: BuiltSystem) -> Iterator[Case]:
    """All of them."""
    size = next(each.size for each in built.plan.channels if each.name == "claims")
    for name, position in {
        "odd": 1,
        "far ahead": 1 << 40,
        "one ring ahead": size,
        "one ring and a bit ahead": size + HEADER,
        "behind": _HUGE,
    }.items():
        yield Case(f"read at a position that is {name}", channels.claim_to_have_read, position)
    for name, taken in {
        "less than a header": HEADER - 1,
        "nothing": HEADER,
        "half the ring": size // 2,
        "the whole ring": size + size // 2,
        "more than the ring": 2 * size,
        "more than half of all addresses": 1 << 31,
        "all that a number can say": SKIP - 1,
        "so much that it wraps around": SKIP - HEADER + 1,
        "a skip": SKIP,
    }.items():
        yield Case(f"messages of {name}", channels.claim_length, taken)
    for index in (1, 2, 3, 0x8000_0000, 0xFFFF_FFFF_FFFF_FFFF):
        yield Case(f"the newest value in slot {index:#x}", channels.claim_slots, index)
        yield Case(f"read from pair {index & 0xFFFF_FFFF:#x}", channels.claim_to_read, index)
    for attack, name in {
        channels.skip_for_ever: "skip for ever",
        channels.send_nothing_for_ever: "send nothing for ever",
        channels.scribble_over_ring: "scribble over a ring",
        channels.scribble_over_position: "scribble over the position in a ring",
        channels.scribble_over_slots: "scribble over a register's values",
        channels.scribble_over_reading: "scribble over what is read of a register",
        channels.claim_to_sleep: "claim to sleep, again and again",
    }.items():
        yield Case(name, attack, endless=True)
