"""The model allows and forbids what C11 does, shown on the litmus tests of the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questv.metal.interpret.events import FenceReached, Load, Site, Steps, Store
from questv.metal.lang import ACQ_REL, ACQUIRE, RELAXED, RELEASE, SEQ_CST, Order

from .weak.explore import Await, Explorer, Poll, Report, Ring, Violation
from .weak.memory import WeakMemory

SITE = Site("litmus", 1, 1)
X, Y, Z = 0x1000, 0x1010, 0x1020
PLAIN = None

Body = Callable[[], Steps[Any]]


def write(place: int, value: int, order: Order | None, size: int = 4) -> Store:
    return Store(SITE, place, size, order, value)


def read(place: int, order: Order | None, size: int = 4) -> Load:
    return Load(SITE, place, size, order)


def fence(order: Order) -> FenceReached:
    return FenceReached(SITE, order)


def thread(*events: Store | Load | FenceReached) -> Body:
    """A thread that goes through events and returns what it read."""

    def run() -> Steps[tuple[int, ...]]:
        seen = []
        for event in events:
            answer = yield event
            if isinstance(event, Load):
                assert answer is not None
                seen.append(answer)
        return tuple(seen)

    return run


def explore(*threads: Body) -> Report:
    names = {f"thread {number}": body for number, body in enumerate(threads)}
    return Explorer(names, [(X, 8), (Y, 8), (Z, 8)]).explore()


def outcomes(*threads: Body) -> set[tuple[Any, ...]]:
    """What the threads that read anything can read."""
    return {tuple(part for part in ends if part) for ends in explore(*threads).outcomes}


# ---- what is weak ----------------------------------------------------------------------------


def message_passing(store: Order, load: Order) -> set[tuple[Any, ...]]:
    return outcomes(
        thread(write(X, 1, RELAXED), write(Y, 1, store)),
        thread(read(Y, load), read(X, RELAXED)),
    )


def test_message_passing_needs_release_and_acquire() -> None:
    for store, load in ((RELAXED, ACQUIRE), (RELEASE, RELAXED), (RELAXED, RELAXED)):
        assert ((1, 0),) in message_passing(store, load)
    assert message_passing(RELEASE, ACQUIRE) == {((0, 0),), ((0, 1),), ((1, 1),)}


@pytest.mark.parametrize("order", [ACQUIRE, RELEASE, ACQ_REL, SEQ_CST])
def test_message_passing_by_fences(order: Order) -> None:
    """A release fence and an acquire fence do as well, each on its side."""
    found = outcomes(
        thread(write(X, 1, RELAXED), fence(order), write(Y, 1, RELAXED)),
        thread(read(Y, ACQUIRE), read(X, RELAXED)),
    )
    assert (((1, 0),) in found) == (order is ACQUIRE)
    found = outcomes(
        thread(write(X, 1, RELAXED), write(Y, 1, RELEASE)),
        thread(read(Y, RELAXED), fence(order), read(X, RELAXED)),
    )
    assert (((1, 0),) in found) == (order is RELEASE)


def store_buffering(order: Order) -> set[tuple[Any, ...]]:
    return outcomes(
        thread(write(X, 1, RELEASE), fence(order), read(Y, ACQUIRE)),
        thread(write(Y, 1, RELEASE), fence(order), read(X, ACQUIRE)),
    )


def test_store_buffering_needs_full_fences() -> None:
    assert ((0,), (0,)) in store_buffering(ACQ_REL)
    assert store_buffering(SEQ_CST) == {((0,), (1,)), ((1,), (0,)), ((1,), (1,))}


def test_store_buffering_needs_both_fences() -> None:
    found = outcomes(
        thread(write(X, 1, RELEASE), fence(SEQ_CST), read(Y, ACQUIRE)),
        thread(write(Y, 1, RELEASE), read(X, ACQUIRE)),
    )
    assert ((0,), (0,)) in found


def independent_reads(order: Order | None) -> set[tuple[Any, ...]]:
    """Two readers see two writers in opposite orders: even x86 forbids it, C11 does not."""
    between = [] if order is None else [fence(order)]
    return outcomes(
        thread(write(X, 1, RELEASE)),
        thread(write(Y, 1, RELEASE)),
        thread(read(X, ACQUIRE), *between, read(Y, ACQUIRE)),
        thread(read(Y, ACQUIRE), *between, read(X, ACQUIRE)),
    )


def test_independent_reads_of_independent_writes() -> None:
    opposite = ((1, 0), (1, 0))
    assert opposite in independent_reads(None)
    assert opposite in independent_reads(ACQ_REL)
    assert opposite not in independent_reads(SEQ_CST)


def test_loads_read_what_was_stored_before() -> None:
    """No load buffering: the one way in which the model is stronger than C11."""
    found = outcomes(
        thread(read(X, RELAXED), write(Y, 1, RELAXED)),
        thread(read(Y, RELAXED), write(X, 1, RELAXED)),
    )
    assert ((1,), (1,)) not in found


# ---- what is never weak ----------------------------------------------------------------------


def test_coherence_of_one_location() -> None:
    """Newer, then older: never, and a thread sees its own stores."""
    found = outcomes(
        thread(write(X, 1, RELAXED), write(X, 2, RELAXED), read(X, RELAXED)),
        thread(read(X, RELAXED), read(X, RELAXED), read(X, RELAXED)),
    )
    own = {first for first, _ in found}
    seen = {second for _, second in found}
    assert own == {(2,)}
    assert seen == {(a, b, c) for a in range(3) for b in range(a, 3) for c in range(b, 3)}


def test_causality_is_transitive() -> None:
    """Write to read causality: what a middleman acquired, its release passes on."""
    found = outcomes(
        thread(write(X, 1, RELAXED), write(Y, 1, RELEASE)),
        thread(read(Y, ACQUIRE), write(Z, 1, RELEASE)),
        thread(read(Z, ACQUIRE), read(X, RELAXED)),
    )
    assert {late for early, late in found if early == (1,)} == {(0, 0), (0, 1), (1, 1)}


def test_a_relaxed_store_passes_nothing_on() -> None:
    """Not even after a release store to the same place: C++20 has no such release sequence."""
    found = outcomes(
        thread(write(X, 1, RELAXED), write(Y, 1, RELEASE), write(Y, 2, RELAXED)),
        thread(read(Y, ACQUIRE), read(X, RELAXED)),
    )
    assert ((2, 0),) in found
    assert ((1, 0),) not in found


@pytest.mark.parametrize("middle", [RELAXED, RELEASE])
def test_full_fences_are_cumulative(middle: Order) -> None:
    """What a full fence has seen, every later one sees."""
    found = outcomes(
        thread(write(X, 1, middle), fence(SEQ_CST), write(Y, 1, RELAXED)),
        thread(read(Y, RELAXED), fence(SEQ_CST), read(X, RELAXED)),
    )
    assert ((1, 0),) not in found


# ---- sizes -----------------------------------------------------------------------------------


def test_a_wide_access_is_never_torn() -> None:
    one, two = 0x11111111_11111111, 0x22222222_22222222
    found = outcomes(
        thread(write(X, one, RELAXED, 8), write(X, two, RELAXED, 8)), thread(read(X, RELAXED, 8))
    )
    assert found == {((0,),), ((one,),), ((two,),)}


def test_halves_that_were_written_apart_are_read_apart() -> None:
    found = outcomes(
        thread(write(X, 1, RELAXED), write(X + 4, 1, RELAXED)), thread(read(X, RELAXED, 8))
    )
    assert found == {((a | b << 32,),) for a in (0, 1) for b in (0, 1)}


def test_halves_of_a_wide_store_are_coherent_each() -> None:
    found = outcomes(
        thread(write(X, 1 << 32 | 1, RELAXED, 8)), thread(read(X, ACQUIRE), read(X + 4, RELAXED))
    )
    assert ((1, 0),) in found  # the store releases nothing


# ---- races -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (write(X, 1, PLAIN), read(X, PLAIN)),
        (write(X, 1, PLAIN), read(X, ACQUIRE)),
        (write(X, 1, RELEASE), read(X, PLAIN)),
    ],
)
def test_races(first: Store, second: Load) -> None:
    for threads in ((first, second), (second, first)):
        with pytest.raises(Violation, match="data race"):
            explore(*map(thread, threads))


def test_accesses_that_do_not_race() -> None:
    explore(thread(read(X, PLAIN)), thread(read(X, PLAIN)))
    explore(thread(read(X, PLAIN)), thread(read(X, RELAXED)))
    explore(thread(write(X, 1, RELAXED)), thread(read(X, RELAXED)))
    explore(thread(write(X, 1, PLAIN)), thread(read(X + 4, PLAIN)))


def handover(store: Order, load: Order) -> Report:
    """One thread writes plainly and says so; the other reads only once it has been told."""

    def reader() -> Steps[int | None]:
        if (yield read(Y, load)):
            return (yield read(X, PLAIN))
        return None

    return explore(thread(write(X, 7, PLAIN), write(Y, 1, store)), reader)


def test_synchronized_accesses_do_not_race() -> None:
    assert handover(RELEASE, ACQUIRE).outcomes == {((), None), ((), 7)}
    for store, load in ((RELAXED, ACQUIRE), (RELEASE, RELAXED)):
        with pytest.raises(Violation, match="data race"):
            handover(store, load)


def test_full_fences_alone_synchronize_nothing() -> None:
    """The later fence knows of the store, but only a load of something newer makes it safe."""

    def reader() -> Steps[int | None]:
        yield fence(SEQ_CST)
        return (yield read(X, PLAIN))

    with pytest.raises(Violation, match="data race"):
        explore(thread(write(X, 7, PLAIN), fence(SEQ_CST)), reader)


def test_a_read_before_a_write_is_a_race_too() -> None:
    """A reader gives a place back; without release its reads are not over for the writer."""

    def writer(load: Order) -> Body:
        def run() -> Steps[None]:
            if (yield read(Y, load)):
                yield write(X, 1, PLAIN)

        return run

    def reader(store: Order) -> Body:
        return thread(read(X, RELAXED), write(Y, 1, store))

    explore(reader(RELEASE), writer(ACQUIRE))
    for store, load in ((RELAXED, ACQUIRE), (RELEASE, RELAXED)):
        with pytest.raises(Violation, match="data race"):
            explore(reader(store), writer(load))


# ---- what the model refuses ------------------------------------------------------------------


def test_two_writers_of_one_location_are_refused() -> None:
    with pytest.raises(Violation, match="a second thread writes"):
        explore(thread(write(X, 1, RELAXED)), thread(write(X, 2, RELAXED)))


def test_what_is_not_shared_is_refused() -> None:
    with pytest.raises(Violation, match="not in shared memory"):
        explore(thread(read(X + 8, RELAXED)))


@pytest.mark.parametrize("event", [read(X, SEQ_CST), write(X, 1, SEQ_CST)])
def test_sequentially_consistent_accesses_are_refused(event: Load | Store) -> None:
    with pytest.raises(Violation, match="not modelled"):
        explore(thread(event))


# ---- doorbells, ends and counting ------------------------------------------------------------


def ring(name: str) -> Ring:
    return Ring(SITE, name)


def test_waiting_for_ever_is_found() -> None:
    def sleeper() -> Steps[None]:
        yield Await(SITE, "bell")

    def ringer() -> Steps[None]:
        yield ring("bell")

    explore(sleeper, ringer)
    with pytest.raises(Violation, match="waits for ever"):
        explore(sleeper)
    with pytest.raises(Violation, match="waits for ever"):
        explore(sleeper, sleeper, ringer)


def test_rings_that_nobody_took_are_one() -> None:
    def poller() -> Steps[int]:
        taken = 0
        for value in range(3):
            answer = yield Poll(SITE, "bell")
            taken += answer or 0
            yield write(X, value, RELAXED)
        return taken

    def ringer() -> Steps[None]:
        yield ring("bell")
        yield ring("bell")

    assert explore(poller, ringer).outcomes == {(taken, None) for taken in range(3)}


def test_what_a_thread_raises_is_a_violation_with_its_trail() -> None:
    def careful() -> Steps[None]:
        seen = yield read(X, RELAXED)
        assert seen != 2, "it was two"

    with pytest.raises(Violation) as caught:
        explore(thread(write(X, 1, RELAXED), write(X, 2, RELAXED)), careful)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("thread 1: AssertionError: it was two")
    trail = [line.strip() for line in lines if line.startswith("  thread")]
    assert [line.split(":")[0] for line in trail] == ["thread 0", "thread 0", "thread 1"]
    assert trail[-1].endswith("-> 0x2")


def test_executions_are_counted() -> None:
    """Two threads of two private steps and two visible ones: six interleavings of the latter."""
    one = thread(write(X, 1, PLAIN), write(X, 2, RELAXED), fence(ACQUIRE), write(X, 3, RELAXED))
    other = thread(write(Y, 1, PLAIN), write(Y, 2, RELAXED), fence(ACQUIRE), write(Y, 3, RELAXED))
    report = explore(one, other)
    assert report.executions == 6
    assert report.outcomes == {((), ())}
    assert explore(thread(write(X, 1, RELAXED)), thread(read(X, RELAXED))).executions == 3


def test_initial_contents() -> None:
    explorer = Explorer({"reader": thread(read(X, RELAXED, 8))}, [(X, 8)], {X: 6 << 32 | 5})
    assert explorer.explore().outcomes == {((6 << 32 | 5,),)}


def test_orders_are_replaced_at_their_site() -> None:
    place = Site("litmus", 2, 1)
    threads = {
        "writer": thread(write(X, 1, RELAXED), Store(place, Y, 4, RELEASE, 1)),
        "reader": thread(read(Y, ACQUIRE), read(X, RELAXED)),
    }
    explorer = Explorer(threads, [(X, 8), (Y, 8)])
    assert ((), (1, 0)) not in explorer.explore().outcomes
    assert ((), (1, 0)) in explorer.explore({place: RELAXED}).outcomes
    assert ((), (1, 0)) not in explorer.explore({SITE: ACQUIRE}).outcomes


# ---- the exploration leaves nothing out ------------------------------------------------------

LOADS = [RELAXED, ACQUIRE, PLAIN]
STORES = [RELAXED, RELEASE, PLAIN]
FENCES = [SEQ_CST, ACQ_REL, RELEASE, ACQUIRE]


@st.composite
def litmus_tests(draw: st.DrawFn) -> list[Body]:
    """Two or three threads, each of which may write to one place; in some there may be races."""
    places = [X, Y, Z][: draw(st.integers(2, 3))]
    orders = draw(st.integers(2, 3))

    def event(own: int, number: int) -> Store | Load | FenceReached:
        match draw(st.sampled_from(["fence", "write", "read", "read"])):
            case "fence":
                return fence(draw(st.sampled_from(FENCES)))
            case "write":
                return write(own, number, draw(st.sampled_from(STORES[:orders])))
        return read(draw(st.sampled_from(places)), draw(st.sampled_from(LOADS[:orders])))

    return [
        thread(*(event(own, number) for number in range(1, draw(st.integers(2, 4)) + 1)))
        for own in places
    ]


def found(threads: list[Body]) -> set[tuple[Any, ...]] | None:
    """All outcomes, None if there is a race."""
    try:
        return explore(*threads).outcomes
    except Violation:
        return None


@settings(max_examples=150, deadline=None, database=None)
@given(threads=litmus_tests())
def test_private_steps_may_come_first(threads: list[Body]) -> None:
    """With every interleaving of every event there are no other outcomes, and no other races."""
    reduced = found(threads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WeakMemory, "is_private", lambda *_: False)
        assert found(threads) == reduced
