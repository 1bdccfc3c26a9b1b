"""Which fault a run has: a pure function of the system, a seed and the run's number."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from questv.faults.model import DOORBELLS, REGISTERS, Count, Fault, Kind
from questv.faults.targets import Target

T = TypeVar("T")

_SHORTEST = 1_000  # nanoseconds of a stall or a delay; the longest is 2**10 times that
_DOUBLINGS = 11


class Draws:
    """Numbers that look random, the same for the same seed and run on every host."""

    def __init__(self, seed: int, run: int) -> None:
        """Begin with the first."""
        self._key = f"{seed}/{run}"
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A number from 0 on."""
        word = hashlib.blake2b(f"{self._key}/{self._drawn}".encode(), digest_size=16).digest()
        self._drawn += 1
        return int.from_bytes(word, "little") % limit

    def choice(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.below(len(choices))]

    def pair(self, limit: int) -> tuple[int, int]:
        """Two different numbers from 0 on, the lower first."""
        first, second = self.below(limit), self.below(limit - 1)
        second += second >= first
        return min(first, second), max(first, second)


def draw_fault(draws: Draws, kind: Kind, targets: Sequence[Target]) -> Fault:
    """The details of a fault in a sandbox that has ``targets``.

    Each register is as likely as each other, and so is each region of memory and each bit of it.
    """
    match kind:
        case Kind.REGISTER_BIT:
            name = draws.choice(tuple(REGISTERS))
            return Fault(kind, register=name, bits=(draws.below(REGISTERS[name][1]),))
        case Kind.REGISTER_BITS:
            name = draws.choice([name for name, (_, width) in REGISTERS.items() if width > 1])
            return Fault(kind, register=name, bits=draws.pair(REGISTERS[name][1]))
        case Kind.MEMORY_BIT:
            return Fault(kind, address=_word(draws, targets), bits=(draws.below(64),))
        case Kind.MEMORY_BITS:
            return Fault(kind, address=_word(draws, targets), bits=draws.pair(64))
        case Kind.INSTRUCTION:
            return Fault(kind, bytes=bytes(draws.below(256) for _ in range(1 + draws.below(15))))
        case Kind.STALL | Kind.DOORBELL_DELAY:
            longest = _SHORTEST << draws.below(_DOUBLINGS)
            return Fault(kind, duration=longest // 2 + draws.below(longest // 2) + 1)
        case _:
            return Fault(kind)


def draw_moment(draws: Draws, kind: Kind, instructions: int, doorbell: int) -> Count:
    """Any of a sandbox's ``instructions``; for a doorbell up to number ``doorbell``, the last."""
    return Count(1 + draws.below(doorbell if kind in DOORBELLS else instructions))


def _word(draws: Draws, targets: Sequence[Target]) -> int:
    """The address of a word of memory."""
    region = draws.choice(sorted({target.region for target in targets}))
    words = [(target.start, target.size // 8) for target in targets if target.region == region]
    index = draws.below(sum(count for _, count in words))
    for start, count in words:
        if index < count:
            return start + 8 * index
        index -= count
    raise AssertionError("the index is below the sum")
