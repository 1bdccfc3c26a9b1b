"""Gives each direction of each channel its doorbell: a vector.

A vector is used once among the doorbells that a sandbox may send, so that its monitor can look up
the one core it may go to, and once among those that it may receive, so that its kernel knows
which end is meant.
"""

from __future__ import annotations

from collections import defaultdict

FIRST_VECTOR = 0x30
LAST_VECTOR = 0xEF


class OutOfVectorsError(Exception):
    """A sandbox has more doorbells than there are vectors."""


class Doorbells:
    """Hands out vectors; at most 192 for each sandbox in each direction."""

    def __init__(self) -> None:
        """No doorbell is there yet."""
        self._sent: defaultdict[str, set[int]] = defaultdict(set)
        self._received: defaultdict[str, set[int]] = defaultdict(set)

    def take(self, sender: str, receiver: str) -> int:
        """A vector for doorbells from one sandbox to another; raises OutOfVectorsError."""
        for vector in range(FIRST_VECTOR, LAST_VECTOR + 1):
            if vector not in self._sent[sender] and vector not in self._received[receiver]:
                self._sent[sender].add(vector)
                self._received[receiver].add(vector)
                return vector
        raise OutOfVectorsError(f"no vector is left from '{sender}' to '{receiver}'")
