"""A sporadic server, tick by tick.

Each tick of the budget has a place in time, which is when it can be used at the earliest. Once it
is used, its place is one period later. Ticks are used in the order of their places, and no two
have the same one. That is the whole of it; the rest says when places move for other reasons.
"""

from __future__ import annotations

from itertools import pairwise

PIECES = 16
"""The most stretches without a gap that there can be; after that gaps are closed."""


class Sporadic:
    """The places of a budget's ticks; the first ``used`` are used, and not yet moved."""

    def __init__(self, budget: int, period: int, now: int) -> None:
        self.period = period
        self.restart(budget, now)

    def restart(self, budget: int, now: int) -> None:
        self.places = list(range(now, now + budget))
        self.used = 0

    @property
    def ticks(self) -> list[int]:
        """Where each tick can be used next, those too that are used."""
        return self.places[self.used :] + [p + self.period for p in self.places[: self.used]]

    @property
    def starts(self) -> list[int]:
        """Where each stretch of ticks without a gap starts, as indices."""
        gaps = [after != before + 1 for before, after in pairwise(self.places)]
        return [0] + [index for index, gap in enumerate(gaps, 1) if gap]

    @property
    def next_time(self) -> int:
        return self.places[self.used]

    def available(self, now: int) -> int:
        """As many as could be used one after the other from now on."""
        if self.next_time > now:
            return 0
        if self.next_time + self.period <= now:
            self.unblock(now)
        usable = self.places[self.used :]
        late = [place > now + index for index, place in enumerate(usable)]
        return [*late, True].index(True)

    def charge(self, used: int) -> None:
        """A stretch moves when all of it is used."""
        self.used += used
        while self.used >= (end := [*self.starts, len(self.places)][1]):
            self.places = self.places[end:] + [p + self.period for p in self.places[:end]]
            self.used -= end

    def unblock(self, now: int) -> None:
        """What is used moves away; what can be used moves up to now."""
        self.places, self.used = self.ticks, 0
        if len(self.starts) > PIECES:
            start, end = self.starts[-2:]
            self.places[start:end] = range(self.places[end] - (end - start), self.places[end])
        self._move_to(now)

    def _move_to(self, start: int) -> None:
        self.places = [max(place, start + index) for index, place in enumerate(self.places)]

    def shrink(self, less: int) -> None:
        """The ticks that could be used last are gone."""
        self.unblock(self.places[0])
        self.places = self.places[: len(self.places) - less]

    def enlarge(self, extra: int, now: int) -> None:
        """More ticks follow those in use, or those that were used last."""
        if self.next_time > now:
            end, last = 0, self.places[-1] - self.period
        else:
            end = [*self.starts, len(self.places)][1]
            last = self.places[end - 1]
        self.places[end:end] = range(last + 1, last + 1 + extra)
        self._move_to(self.places[0])
        self.charge(0)
