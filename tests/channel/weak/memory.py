"""A memory model weaker than any machine that the code will run on: C11 without its SC accesses.

Every location keeps all that was ever written to it. A thread's view says how new, at least, what
it reads at each location is; it may read anything from there on. A message carries the view that
its writer released, an acquire load takes it over. SC fences take turns at one more view, which
each joins and leaves its own in. This is the view-based form of RC11 (O. Lahav et al., "Repairing
sequential consistency in C/C++11", PLDI 2017; J. Kang et al., "A promising semantics for
relaxed-memory concurrency", POPL 2017, without promises): loads read what was stored before, so
no load is reordered with a later store, but a plain access that is not ordered before or after a
conflicting one by release and acquire is reported as a race, whatever it reads.

Each location has one writer, as everything in a channel has: its coherence order is program order.
Nothing but loads, stores and fences is modelled; the rest is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from questv.metal.interpret.events import Event, FenceReached, Load, Site, Store
from questv.metal.lang import Order

from .behaviour import GRANULE, Accesses, Moment, Settled, locations

View = int
"""An interned view: for each thread how many of its events are known to have happened before, then
for each location the index of the oldest message that may still be read."""


class RaceError(Exception):
    """Two accesses, one a write and one plain, with nothing to order them."""


class ModelError(Exception):
    """The code does what the model has no notion of."""


class Message(NamedTuple):
    """What a store left at one location."""

    value: int
    view: View
    store: int  # the event of its writer, counted from 1; 0 for what was there at first


class Thread(NamedTuple):
    """Where a thread stands and what it knows.

    ``current`` is its view; ``acquired`` is what an acquire fence would add, of what relaxed loads
    have read; ``released`` is what its relaxed stores pass on, since its last release fence.
    """

    moment: Moment
    current: View
    acquired: View
    released: View


class State(NamedTuple):
    """Everything at one point of an execution."""

    threads: tuple[Thread, ...]
    memory: tuple[tuple[Message, ...], ...]
    fences: View  # what SC fences have seen
    bells: frozenset[str]


class Views:
    """Views, each kept once."""

    def __init__(self, length: int) -> None:
        self._known: list[tuple[int, ...]] = []
        self._numbers: dict[tuple[int, ...], View] = {}
        self._joined: dict[tuple[View, View], View] = {}
        self.empty = self.add((0,) * length)

    def add(self, view: tuple[int, ...]) -> View:
        number = self._numbers.setdefault(view, len(self._known))
        if number == len(self._known):
            self._known.append(view)
        return number

    def of(self, view: View) -> tuple[int, ...]:
        return self._known[view]

    def join(self, left: View, right: View) -> View:
        """The least view that knows what either knows."""
        if left == right:
            return left
        key = (left, right) if left < right else (right, left)
        found = self._joined.get(key)
        if found is None:
            found = self.add(tuple(map(max, self._known[left], self._known[right])))
            self._joined[key] = found
        return found

    def learn(self, view: View, index: int, value: int) -> View:
        """``view`` with at least ``value`` at ``index``."""
        known = self._known[view]
        if known[index] >= value:
            return view
        return self.add((*known[:index], value, *known[index + 1 :]))


Step = tuple[int | None, State]
"""An answer to a thread's event, and the state after it."""


class WeakMemory:
    """The model for ``threads`` threads that share some stretches (start, size) of memory.

    ``initial`` has the words of 8 bytes that stand at some addresses at first; zero elsewhere.
    ``orders`` says which order to take in the place of the one that stands at a site; for a fence
    None takes it away. ``settled`` knows where loads need not be reordered.
    """

    def __init__(
        self,
        threads: int,
        shared: list[tuple[int, int]],
        initial: Mapping[int, int],
        orders: Mapping[Site, Order | None],
        settled: Settled,
    ) -> None:
        pieces = [
            piece
            for start, size in shared
            for piece in range(start // GRANULE, (start + size) // GRANULE)
        ]
        self._index = {piece: index for index, piece in enumerate(pieces)}
        self._threads = threads
        self._orders = orders
        self._settled = settled
        self.views = Views(threads + len(pieces))
        self.initial = tuple(
            (Message(_initial(initial, piece * GRANULE), self.views.empty, 0),) for piece in pieces
        )
        self._no_clocks = (0,) * threads

    # ---- what others call --------------------------------------------------------------------

    def is_private(self, event: Event | None) -> bool:
        """Whether no other thread can tell when the event happens, unless by a race.

        What a plain load reads is settled unless there is a race, and so is what any load reads
        where only plain stores go; and a race is found whichever of the two accesses comes first.
        """
        if isinstance(event, FenceReached):
            return self._order(event) is not Order.SEQ_CST
        if isinstance(event, Load) and self._settled.holds(locations(event)):
            return True
        return isinstance(event, Load | Store) and event.order is None

    def steps(self, state: State, turn: int, event: Event) -> Iterator[Step]:
        """Every way in which the event of thread ``turn`` can go; the moment is still the old.

        Raises RaceError and ModelError.
        """
        thread = state.threads[turn]
        current = self.views.learn(thread.current, turn, thread.moment.age + 1)
        thread = thread._replace(current=current)
        if isinstance(event, Load | Store) and event.order in (Order.ACQ_REL, Order.SEQ_CST):
            raise ModelError(f"not modelled: {event}")
        match event:
            case Load():
                self._refuse_races(state, turn, event)
                yield from self._load(state, turn, thread, event)
            case Store():
                self._refuse_races(state, turn, event)
                yield None, self._store(state, turn, thread, event)
            case FenceReached():
                yield None, self._fence(state, turn, thread, self._order(event))
            case _:
                raise ModelError(f"not modelled: {event}")

    # ---- events ------------------------------------------------------------------------------

    def _order(self, event: Load | Store | FenceReached) -> Order | None:
        return self._orders.get(event.site, event.order)

    def _load(self, state: State, turn: int, thread: Thread, event: Load) -> Iterator[Step]:
        acquires = self._order(event) is Order.ACQUIRE
        for choice in self._choices(state, thread, event):
            value, shift = 0, 0
            current, acquired = thread.current, thread.acquired
            for place, number in choice:
                message = state.memory[place][number]
                value |= message.value << shift
                shift += 8 * GRANULE
                current = self._see(current, place, number)
                acquired = self.views.join(acquired, message.view)
                if acquires:
                    current = self.views.join(current, message.view)
            acquired = self.views.join(acquired, current)
            after = thread._replace(current=current, acquired=acquired)
            yield value, _with_thread(state, turn, after)

    def _choices(
        self, state: State, thread: Thread, event: Load
    ) -> Iterator[tuple[tuple[int, int], ...]]:
        """For each place the number of the message that is read.

        What was written by the same stores is read from the same one: an access is never torn.
        """
        known = self.views.of(thread.current)
        places = self._places(event)
        groups: dict[tuple[int, ...], list[int]] = {}
        for place in places:
            stores = tuple(message.store for message in state.memory[place])
            groups.setdefault(stores, []).append(place)
        ranges = [
            range(max(known[self._threads + place] for place in group), len(stores))
            for stores, group in groups.items()
        ]
        for numbers in itertools.product(*ranges):
            chosen = {
                place: number
                for group, number in zip(groups.values(), numbers, strict=True)
                for place in group
            }
            yield tuple((place, chosen[place]) for place in places)

    def _store(self, state: State, turn: int, thread: Thread, event: Store) -> State:
        self._refuse_second_writer(state, turn, event)
        places = self._places(event)
        current = thread.current
        for place in places:
            current = self._see(current, place, len(state.memory[place]))
        carried = current if self._order(event) is Order.RELEASE else thread.released
        memory = list(state.memory)
        for position, place in enumerate(places):
            value = event.value >> position * 8 * GRANULE & (1 << 8 * GRANULE) - 1
            memory[place] = (*memory[place], Message(value, carried, thread.moment.age + 1))
        acquired = self.views.join(thread.acquired, current)
        after = thread._replace(current=current, acquired=acquired)
        return _with_thread(state, turn, after)._replace(memory=tuple(memory))

    def _fence(self, state: State, turn: int, thread: Thread, order: Order | None) -> State:
        current, released, fences = thread.current, thread.released, state.fences
        acquired = self.views.join(thread.acquired, current)
        if order in (Order.ACQUIRE, Order.ACQ_REL, Order.SEQ_CST):
            current = acquired
        if order is Order.SEQ_CST:
            fences = self.views.join(fences, self._stamps(current))
            current = self.views.join(current, fences)
            acquired = self.views.join(acquired, current)
        if order in (Order.RELEASE, Order.ACQ_REL, Order.SEQ_CST):
            released = current
        after = thread._replace(current=current, acquired=acquired, released=released)
        return _with_thread(state, turn, after)._replace(fences=fences)

    def _see(self, view: View, place: int, number: int) -> View:
        """A view that can't go back behind a message at a place."""
        return self.views.learn(view, self._threads + place, number)

    def _stamps(self, view: View) -> View:
        """A view without what it knows of events: SC fences order, but do not synchronize."""
        return self.views.add(self._no_clocks + self.views.of(view)[self._threads :])

    # ---- what must not be --------------------------------------------------------------------

    def _places(self, event: Load | Store) -> list[int]:
        try:
            return [self._index[piece] for piece in locations(event)]
        except KeyError:
            raise ModelError(f"not in shared memory: {event}") from None

    def _refuse_second_writer(self, state: State, turn: int, event: Store) -> None:
        for other, thread in enumerate(state.threads):
            for piece in locations(event):
                known = thread.moment.accesses.get(piece, Accesses())
                if other != turn and (known.plain_write or known.write):
                    raise ModelError(f"a second thread writes to one location: {event}")

    def _refuse_races(self, state: State, turn: int, event: Load | Store) -> None:
        plain, writes = event.order is None, isinstance(event, Store)
        happened = self.views.of(state.threads[turn].current)
        for other, thread in enumerate(state.threads):
            if other == turn:
                continue
            for piece in locations(event):
                known = thread.moment.accesses.get(piece)
                if known is None:
                    continue
                conflicting = known.plain_write
                if plain:
                    conflicting = max(conflicting, known.write)
                if writes:
                    conflicting = max(conflicting, known.plain_read)
                if plain and writes:
                    conflicting = max(conflicting, known.read)
                if conflicting > happened[other]:
                    raise RaceError(f"data race at {piece * GRANULE:#x}: {event}")


def _with_thread(state: State, turn: int, thread: Thread) -> State:
    threads = (*state.threads[:turn], thread, *state.threads[turn + 1 :])
    return state._replace(threads=threads)


def _initial(words: Mapping[int, int], address: int) -> int:
    """The piece at an address of what stands in words of 8 bytes."""
    word = words.get(address & ~7, 0)
    return word >> 8 * (address & 7) & (1 << 8 * GRANULE) - 1
