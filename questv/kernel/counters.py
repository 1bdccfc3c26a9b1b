"""Counters and histograms: what tasks count shows up in the tools by itself.

They are variables of a module, or fields of a task's ``State``, and are known by their names. The
host reads them whenever it likes. Any task of the kernel may count at any time; each takes the same
few instructions whatever is counted.
"""

from __future__ import annotations

from questv.metal.lang import RELAXED, Array, Atomic, leading_zeros, metal, u64
from questv.metal.structs import Struct

_BITS = 64


class Counter(Struct):
    """How often something happened, or how much of it there was: ``lost: Counter = static()``."""

    total: Atomic[u64]

    @metal(inline=True)
    def add(self, amount: u64) -> None:
        """Count so much more."""
        self.total.add(amount, RELAXED)


class Histogram(Struct):
    """Which values there were, and how often: ``latency: Histogram = static()``.

    Values are told apart by their lengths in bits: each bucket begins at twice the one before.
    """

    buckets: Array[Atomic[u64], _BITS + 1]  # the nth is for values of n bits
    sum: Atomic[u64]
    most: Atomic[u64]
    least: Atomic[u64]  # with all bits inverted, so that zero stands for no value yet

    @metal
    def record(self, value: u64) -> None:
        """Count a value."""
        self.buckets[_BITS - leading_zeros(value)].add(1, RELAXED)
        self.sum.add(value, RELAXED)
        most = self.most.load(RELAXED)
        while value > most:  # again only if another task was faster
            before = self.most.compare_swap(most, value, RELAXED)
            if before == most:
                break
            most = before
        least = self.least.load(RELAXED)
        while ~value > least:
            before = self.least.compare_swap(least, ~value, RELAXED)
            if before == least:
                break
            least = before
