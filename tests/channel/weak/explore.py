"""Goes through every execution of some threads, and stops at the first that goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from questv.metal.interpret.events import Event, Site
from questv.metal.lang import Order

from .behaviour import Behaviour, Body, Moment, Settled
from .memory import ModelError, RaceError, State, Step, Thread, WeakMemory


@dataclass(frozen=True, slots=True)
class Bell(Event):
    """An event that concerns a doorbell: ringing it leaves it pending, once or often."""

    name: str


@dataclass(frozen=True, slots=True)
class Ring(Bell):
    """Ring it. It tells nothing about memory: no view passes on."""


@dataclass(frozen=True, slots=True)
class Await(Bell):
    """Wait until it is pending, and take it; ``in_vain`` if it may well never be."""

    in_vain: bool = False


@dataclass(frozen=True, slots=True)
class Poll(Bell):
    """Take it if it is pending and wants to be taken now; the answer tells whether it was.

    The thread's next event follows at once, with nobody else in between.
    """


@dataclass(frozen=True, slots=True)
class Choose(Event):
    """The answer is 0 or 1: both are gone through. No other thread can tell."""


class Violation(Exception):  # noqa: N818 - it is what is looked for
    """An execution that must not be; the message shows it event by event."""

    def __init__(self, reason: str, trail: list[str]) -> None:
        self.reason = reason
        super().__init__("\n  ".join([reason, *trail]))


@dataclass
class Report:
    """What an exploration went through."""

    states: int = 0
    executions: int = 0
    outcomes: set[tuple[Any, ...]] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"{self.executions:,} executions in {self.states:,} states, "
            f"{len(self.outcomes)} outcomes"
        )


class Explorer:
    """All executions of named threads; their behaviours serve for several explorations."""

    def __init__(
        self,
        threads: Mapping[str, Body],
        shared: list[tuple[int, int]],
        initial: Mapping[int, int] | None = None,
    ) -> None:
        """``shared`` are the stretches (start, size) of memory that the threads share."""
        self._names = list(threads)
        self._settled = Settled()
        self._behaviours = [Behaviour(body, self._settled) for body in threads.values()]
        self._shared, self._initial = shared, initial or {}

    def explore(self, orders: Mapping[Site, Order | None] | None = None) -> Report:
        """Go through all executions, with other memory orders at some sites.

        Raises Violation at the first execution in which a thread raises, two accesses race, or
        threads wait for ever.
        """
        while True:
            self._settled.begin()
            report = self._pass(orders or {})
            if not self._settled.mistaken:
                return report

    def _pass(self, orders: Mapping[Site, Order | None]) -> Report:
        turns = len(self._names)
        memory = WeakMemory(turns, self._shared, self._initial, orders, self._settled)
        empty = memory.views.empty
        threads = tuple(Thread(tree.start, empty, empty, empty) for tree in self._behaviours)
        return _Walk(self, memory).go(State(threads, memory.initial, empty, frozenset()))

    def name(self, turn: int) -> str:
        """A thread's name."""
        return self._names[turn]

    def after(self, turn: int, moment: Moment, answer: int | None) -> Moment:
        """The moment that follows an answer."""
        return self._behaviours[turn].after(moment, answer)


@dataclass
class _Place:
    """A state on the way: the step that was taken from there, and those that are left."""

    state: State
    left: Iterator[tuple[int, int | None, State]]
    turn: int = 0
    answer: int | None = None
    executions: int = 0


class _Walk:
    """One exploration: depth first, each state once."""

    def __init__(self, explorer: Explorer, memory: WeakMemory) -> None:
        self._explorer, self._memory = explorer, memory
        self.report = Report()
        self._known: dict[State, int] = {}
        self._way: list[_Place] = []

    def go(self, start: State) -> Report:
        """Go through all executions from a state on."""
        for turn in range(len(start.threads)):
            self._refuse_error(start, turn)
        self._arrive(start)
        while self._way:
            place = self._way[-1]
            step = next(place.left, None)
            if step is not None:
                place.turn, place.answer, state = step
                self._refuse_error(state, place.turn)
                known = self._known.get(state)
                if known is None:
                    self._arrive(state)
                else:
                    place.executions += known
                continue
            self._way.pop()
            self._known[place.state] = place.executions
            if self._way:
                self._way[-1].executions += place.executions
            else:
                self.report.executions = place.executions
        self.report.states = len(self._known)
        return self.report

    def _arrive(self, state: State) -> None:
        steps = [
            (turn, answer, self._moved(after, turn, answer))
            for turn in self._turns(state)
            for answer, after in self._answers(state, turn)
        ]
        ends = 0 if steps else 1
        if ends:
            self._end(state)
        self._way.append(_Place(state, iter(steps), executions=ends))

    def _moved(self, state: State, turn: int, answer: int | None) -> State:
        """A state in which the event of one thread has been answered."""
        thread = state.threads[turn]
        moved = thread._replace(moment=self._explorer.after(turn, thread.moment, answer))
        return state._replace(threads=(*state.threads[:turn], moved, *state.threads[turn + 1 :]))

    def _turns(self, state: State) -> list[int]:
        """The threads that may go next: just one, if nobody can tell when it goes."""
        running = [n for n, thread in enumerate(state.threads) if thread.moment.event is not None]
        for turn in running:
            moment = state.threads[turn].moment
            choice = isinstance(moment.event, Choose)
            if choice or _follows_at_once(moment) or self._memory.is_private(moment.event):
                return [turn]
        return running

    def _answers(self, state: State, turn: int) -> Iterator[Step]:
        event = state.threads[turn].moment.event
        assert event is not None
        if isinstance(event, Bell):
            yield from self._bell(state, event)
            return
        if isinstance(event, Choose):
            yield 0, state
            yield 1, state
            return
        try:
            yield from self._memory.steps(state, turn, event)
        except (RaceError, ModelError) as error:
            raise self._violation(str(error), turn) from error

    def _bell(self, state: State, event: Bell) -> Iterator[Step]:
        taken = state._replace(bells=state.bells - {event.name})
        pending = event.name in state.bells
        match event:
            case Ring():
                yield None, state._replace(bells=state.bells | {event.name})
            case Await():
                if pending:
                    yield None, taken
            case Poll():
                yield 0, state
                if pending:
                    yield 1, taken
            case _:
                raise AssertionError(event)

    def _refuse_error(self, state: State, turn: int) -> None:
        """Stop if the thread has raised."""
        error = state.threads[turn].moment.error
        if error is not None:
            raise self._violation(f"{type(error).__name__}: {error}", turn) from error

    def _end(self, state: State) -> None:
        for turn, thread in enumerate(state.threads):
            event = thread.moment.event
            if event is not None and not (isinstance(event, Await) and event.in_vain):
                raise self._violation(f"it waits for ever: {thread.moment.event}", turn)
        self.report.outcomes.add(tuple(thread.moment.result for thread in state.threads))

    def _violation(self, reason: str, turn: int) -> Violation:
        trail = [self._shown(place) for place in self._way]
        return Violation(f"{self._explorer.name(turn)}: {reason}", trail)

    def _shown(self, place: _Place) -> str:
        event = place.state.threads[place.turn].moment.event
        shown = "" if place.answer is None else f" -> {place.answer:#x}"
        return f"{self._explorer.name(place.turn)}: {event}{shown}"


def _follows_at_once(moment: Moment) -> bool:
    """Whether a thread has polled, and does what comes next in the same breath."""
    return isinstance(moment.last, Poll) and not isinstance(moment.event, Await)
