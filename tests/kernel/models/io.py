"""A priority inheritance bandwidth-preserving server, in exact fractions."""

from __future__ import annotations

from fractions import Fraction


class Io:
    """When the next go can begin, and what this one has used."""

    def __init__(self, utilization: Fraction, now: int) -> None:
        self.utilization = utilization
        self.time = Fraction(now)
        self.used = self.cmax = 0

    def begin(self, cmax: int, now: int) -> None:
        self.time = max(self.time, Fraction(now))
        self.cmax = cmax

    def available(self, now: int) -> int:
        return max(0, self.cmax - self.used) if self.time <= now else 0

    def charge(self, used: int) -> None:
        self.used += used

    def end(self) -> None:
        self.time += self.used / self.utilization
        self.used = 0
