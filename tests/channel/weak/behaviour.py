"""What a thread does depends on the answers to its events alone: a tree of all its behaviours.

A thread is run once for each way to answer, however often the exploration comes by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from questv.metal.interpret.events import Access, Event, Load, Steps, Store

GRANULE = 4
"""Bytes of the smallest access to shared memory; a location is an aligned piece of this size."""

Body = Callable[[], Steps[Any]]


class Accesses(NamedTuple):
    """When a thread last accessed a location, in events since its start; 0 for never."""

    plain_write: int = 0
    write: int = 0
    plain_read: int = 0
    read: int = 0


def locations(event: Access) -> range:
    """The locations of an access."""
    assert event.address % GRANULE == event.size % GRANULE == 0, f"too fine: {event}"
    return range(event.address // GRANULE, (event.address + event.size) // GRANULE)


class Settled:
    """The locations to which nobody ever stores but plainly, as far as is known.

    What a load reads there is settled, unless it races; and so is when it happens. Who relied on
    that for a location and was ``mistaken`` has to begin again.
    """

    def __init__(self) -> None:
        self._atomic: set[int] = set()
        self._assumed: set[int] = set()

    def holds(self, places: range) -> bool:
        """Whether all of some locations are settled."""
        if not self._atomic.isdisjoint(places):
            return False
        self._assumed.update(places)
        return True

    def refute(self, places: range) -> None:
        """A store that is not plain has been found."""
        self._atomic.update(places)

    @property
    def mistaken(self) -> bool:
        """Whether somebody relied on what has turned out to be wrong."""
        return not self._atomic.isdisjoint(self._assumed)

    def begin(self) -> None:
        """Nobody relies on anything yet."""
        self._assumed.clear()


@dataclass(eq=False)
class Moment:
    """A thread after some events: what it asks next, or how it ended.

    ``event`` is None once it has returned ``result`` or raised ``error``.
    """

    age: int
    event: Event | None = None
    result: Any = None
    error: Exception | None = None
    accesses: dict[int, Accesses] = field(default_factory=dict)
    _came: tuple[Moment, int | None] | None = None
    _next: dict[int | None, Moment] = field(default_factory=dict)
    _run: Steps[Any] | None = None

    @property
    def last(self) -> Event | None:
        """The event that led here."""
        return self._came[0].event if self._came is not None else None

    def answers(self) -> list[int | None]:
        """The answers that led here."""
        if self._came is None:
            return []
        before, answer = self._came
        return [*before.answers(), answer]


class Behaviour:
    """The tree of a thread's moments. ``body`` makes a fresh run of it, with private memory."""

    def __init__(self, body: Body, settled: Settled) -> None:
        self._body = body
        self._settled = settled
        self.start = Moment(0)
        self._resume(self.start, body(), None)
        self.moments = 1

    def after(self, moment: Moment, answer: int | None) -> Moment:
        """The moment that follows when the event of ``moment`` is answered."""
        found = moment._next.get(answer)
        if found is None:
            found = Moment(moment.age + 1, accesses=_accesses(moment), _came=(moment, answer))
            moment._next[answer] = found
            self._resume(found, self._run_to(moment), answer)
            self.moments += 1
        return found

    def _run_to(self, moment: Moment) -> Steps[Any]:
        """A run that stands at ``moment``: the one that came here first, or one made again."""
        run, moment._run = moment._run, None
        if run is None:
            run = self._body()
            run.send(None)
            for answer in moment.answers():
                run.send(answer)
        return run

    def _resume(self, moment: Moment, run: Steps[Any], answer: int | None) -> None:
        try:
            moment.event = run.send(answer)
            moment._run = run
            if isinstance(moment.event, Store) and moment.event.order is not None:
                self._settled.refute(locations(moment.event))
        except StopIteration as end:
            moment.result = end.value
        except Exception as error:  # whatever the code or its test found wrong
            moment.error = error


def _accesses(moment: Moment) -> dict[int, Accesses]:
    """The accesses up to and with the event of ``moment``."""
    event = moment.event
    if not isinstance(event, Load | Store):
        return moment.accesses
    kind = "plain_" * (event.order is None) + ("read" if isinstance(event, Load) else "write")
    made = dict(moment.accesses)
    for location in locations(event):
        made[location] = made.get(location, Accesses())._replace(**{kind: moment.age + 1})
    return made
