"""No two owners, and none lost: every interleaving of two monitors and two kernels.

The monitors' steps are the real source, run on abstract machines: ``recovery.handle`` with all that
it decides, ``takeover``, and ``main.run``; what touches the processor has a model. A kernel does
whatever it likes at any moment: it fails, takes its interrupt, or asks for what is not its due. Any
party can drop dead between any two steps. Memory is sequentially consistent here: the two states on
which all rests are accessed so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import pytest

from questv.metal.interpret.events import Event, Load, Site, Steps, Store
from questv.metal.interpret.interpreter import Interpreter, Model
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program
from questv.metal.structs import offsetof, sizeof
from questv.monitor import (
    apic,
    clock,
    end,
    entry,
    evidence,
    exits,
    main,
    memory,
    recovery,
    restore,
    suspicion,
    svm,
    takeover,
)
from questv.monitor.interface import Action, CrashRecord, PublicPage, SandboxState
from questv.monitor.plan import MonitorPlan
from tests.channel.weak.behaviour import Behaviour, Moment, Settled

FAILING, STANDBY = 0, 1
PUBLIC, PEERS, PAGE = 0x10_0000, 0x20_0000, sizeof(PublicPage)
STATE = offsetof(PublicPage, "state")
PLAIN, AFTER, BELL = 0x1000, 0x2000, 0x40
PROGRAM = Program()
HERE = Site("model", 0, 0)


class Guest(IntEnum):
    """What a kernel does next."""

    FAILS = 1
    TAKES_BELL = 2
    ASKS = 3
    STAYS = 4  # for ever


@dataclass(frozen=True, slots=True)
class Runs(Event):
    """The kernel runs; the answer is a ``Guest``. ``waits`` is whether it waits for its bell."""

    waits: bool


@dataclass(frozen=True, slots=True)
class Does(Event):
    """Something that the world sees: what it is, and with what number."""

    what: str
    value: int


class Parked(Exception):  # noqa: N818 - how a thread ends that never returns
    """The core does nothing more."""


def does(what: str, argument: int = 0) -> Model:
    """The model of a function that the world sees, with one of its arguments."""

    def model(*arguments: int) -> Steps[int | None]:
        return (yield Does(HERE, what, [*arguments, 0][argument]))

    return model


def silent(value: int | None = None) -> Model:
    """The model of a function that does nothing."""

    def model(*_arguments: int) -> Steps[int | None]:
        yield from ()
        return value

    return model


def parks(*_arguments: int) -> Steps[int | None]:
    """The model of a function that does not return."""
    yield Does(HERE, "parks", 0)
    raise Parked


class Monitor:
    """One monitor with its kernel, which is restarted so often at most."""

    def __init__(self, core: int, restarts: int, changes: Mapping[Any, Model]) -> None:
        self._memory = Memory()
        self._restarts = restarts
        self._has_asked = False
        models: dict[Any, Model] = {
            clock.now: silent(1),
            clock.ticks: silent(1),
            evidence.read_kernel: silent(),
            evidence.complete: does("decides", 1),
            recovery._recent: self._recent,
            recovery._wait: silent(),
            restore.memory: silent(),
            suspicion.begin: silent(),
            apic.reset: does("resets its APIC"),
            apic.interrupt: does("rings", 0),
            svm.set_up: does("sets up"),
            svm.has_view: does("has view"),
            svm.set_view: does("sets view"),
            svm.enter: silent(),
            svm.keep_translations: silent(),
            exits.handle: self._exit,
            end.run_ended: silent(0),
            end.leave: parks,
            entry.begin_again: self._again,
        }
        self._domain = Interpreter(PROGRAM, self._memory, models={**models, **changes})
        for variable, start, size in (
            (memory.public, PUBLIC, PAGE),
            (memory.peers, PEERS, 2 * PAGE),
        ):
            region = self._memory.map(start, bytes(size), shared=True)
            self._domain._statics[variable.symbol] = region  # type: ignore[attr-defined]
        plan = MonitorPlan.view(self._domain.variable(memory.plan).contents)
        plan.core = core
        if core == FAILING:
            plan.recovery.standby, plan.recovery.bell = 1 + STANDBY, BELL
        else:
            plan.recovery.limit = min(restarts, 1)
            plan.takeover.core, plan.takeover.bell = 1 + FAILING, BELL
            plan.takeover.nested_tables = AFTER
        self._record = self._memory.reserve(bytes(sizeof(CrashRecord))).start

    def run(self) -> Steps[int | None]:
        """From the boot on."""
        try:
            yield Does(HERE, "starts", 0)
            yield from self._domain.call(main.run)
        except Parked:
            pass
        return None

    def _recent(self, *_arguments: int) -> Steps[int | None]:
        """There were too many restarts when there are none left."""
        yield from ()
        self._restarts -= 1
        return 0 if self._restarts >= 0 else 1

    def _again(self, _stack: int) -> Steps[int | None]:
        self._has_asked = False
        yield from self._domain.call(main.run)
        return None

    def _exit(self) -> Steps[int | None]:
        """The kernel runs, and is left for something."""
        did = yield Runs(HERE, not self._has_asked)
        if did == Guest.STAYS:
            raise Parked
        if did != Guest.FAILS:
            is_granted = yield from self._domain.call(takeover.take_over)
            answer = "is granted" if is_granted else "is refused"
            yield Does(HERE, answer, int(did == Guest.TAKES_BELL))
            if is_granted:
                self._has_asked = True
                return None
        yield from self._domain.call(recovery.handle, self._record)
        return None


# ---- the world ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """All that is, but for how far the two are."""

    states: tuple[int, int] = (int(SandboxState.EMPTY), int(SandboxState.EMPTY))
    listens: bool = False  # the standby's APIC takes interrupts
    pending: bool = False  # and has one
    view: int = PLAIN  # of the standby
    dead: frozenset[int] = frozenset()


Place = tuple[Moment, Moment, World]


class Wrong(Exception):  # noqa: N818 - it is what is looked for
    """Something that must not be."""


class Exploration:
    """Every state that can be reached, each once."""

    def __init__(
        self, restarts: int = 1, changes: Mapping[int, Mapping[Any, Model]] | None = None
    ) -> None:
        """``changes`` are other models, by the core of the monitor that has them."""
        made = {FAILING: {}, STANDBY: {}, **(changes or {})}
        self._threads = [
            Behaviour(lambda: Monitor(FAILING, 0, made[FAILING]).run(), Settled()),
            Behaviour(lambda: Monitor(STANDBY, restarts, made[STANDBY]).run(), Settled()),
        ]
        self.seen: set[Place] = set()
        self.outcomes: set[tuple[SandboxState, SandboxState, bool]] = set()

    def go(self) -> None:
        """Look at all of them; raises Wrong."""
        first = (self._threads[0].start, self._threads[1].start, World())
        left = [first]
        while left:
            place = left.pop()
            if place in self.seen:
                continue
            self.seen.add(place)
            following = list(self._following(place))
            self._check(place)
            if not following:
                self._note(place)
            left += following

    def _following(self, place: Place) -> Iterator[Place]:
        *moments, world = place
        for turn, moment in enumerate(moments):
            if moment.event is None or turn in world.dead:
                continue
            for answer, after in self._step(turn, moment.event, world):
                then = [*moments]
                then[turn] = self._threads[turn].after(moment, answer)
                error = then[turn].error
                if error is not None:
                    raise error
                yield then[0], then[1], after
            if not isinstance(moment.event, Runs):
                yield moments[0], moments[1], replace(world, dead=world.dead | {turn})

    def _step(self, turn: int, event: Event, world: World) -> Iterator[tuple[int | None, World]]:
        """The ways in which an event can be answered, and the world after each."""
        match event:
            case Runs():
                yield Guest.STAYS, world
                yield Guest.FAILS, world
                yield Guest.ASKS, world
                if turn == STANDBY and world.pending and event.waits:
                    yield Guest.TAKES_BELL, replace(world, pending=False)
            case Load(address=address):
                yield self._load(address, turn, world), world
            case Store(address=address, value=value):
                states = list(world.states)
                if address == PUBLIC + STATE:
                    states[turn] = value
                yield None, replace(world, states=(states[0], states[1]))
            case Does():
                yield from self._does(turn, event, world)

    def _load(self, address: int, turn: int, world: World) -> int:
        for core in (FAILING, STANDBY):
            if address == PEERS + core * PAGE + STATE:
                return world.states[core]
        return world.states[turn] if address == PUBLIC + STATE else 0

    def _does(self, turn: int, event: Does, world: World) -> Iterator[tuple[int | None, World]]:
        is_standby = turn == STANDBY
        match event.what:
            case "starts" if is_standby:
                yield None, replace(world, listens=True)
            case "rings" if event.value == STANDBY:
                yield None, replace(world, pending=world.pending or world.listens)
            case "resets its APIC" if is_standby:
                yield None, replace(world, pending=False)
            case "sets up" if is_standby:
                yield None, replace(world, view=PLAIN)
            case "has view":
                yield int(world.view == event.value), world
            case "sets view":
                if not is_standby or world.view == event.value:
                    raise Wrong("a view that is set already")
                yield None, replace(world, view=event.value)
            case "is refused" if event.value:
                raise Wrong("an honest kernel is refused")
            case "decides" if not is_standby and event.value == Action.STOP_ALONE:
                if world.states[STANDBY] not in FINAL:
                    raise Wrong("a service that ends while its standby lives")
                yield None, world
            case _:
                yield None, world

    def _check(self, place: Place) -> None:
        """What must hold at any moment."""
        failing, standby, world = place
        if isinstance(failing.event, Runs) and world.view == AFTER:
            raise Wrong("two owners")
        waits = isinstance(standby.event, Runs) and standby.event.waits and not world.pending
        has_let_go = failing.event is None and FAILING not in world.dead
        is_released = world.states[FAILING] == SandboxState.RELEASED
        if waits and is_released and has_let_go:
            raise Wrong("a service that nobody has, though its standby lives")

    def _note(self, place: Place) -> None:
        """How it has ended."""
        world = place[2]
        one, other = map(SandboxState, world.states)
        self.outcomes.add((one, other, world.view == AFTER))


FINAL = {int(state) for state in SandboxState if state >= SandboxState.FINISHED}


@pytest.mark.parametrize("restarts", [0, 1])
def test_never_two_owners_and_none_lost(restarts: int) -> None:
    exploration = Exploration(restarts)
    exploration.go()
    assert len(exploration.seen) > 500
    released, alive = SandboxState.RELEASED, SandboxState.ENTERED
    assert (released, alive, True) in exploration.outcomes
    assert (SandboxState.CRASHED, SandboxState.CRASHED, False) in exploration.outcomes


def tells_first(_record: int) -> Steps[int | None]:
    """A release that tells of itself before it has happened."""
    yield Does(HERE, "rings", STANDBY)
    yield Store(HERE, PUBLIC + STATE, 4, None, int(SandboxState.RELEASED))
    raise Parked


def keeps_running(_record: int) -> Steps[int | None]:
    """A release by a monitor that enters its kernel again."""
    yield Store(HERE, PUBLIC + STATE, 4, None, int(SandboxState.RELEASED))
    yield Does(HERE, "rings", STANDBY)
    yield Runs(HERE, False)
    raise Parked


@pytest.mark.parametrize(
    ("core", "function", "model", "wrong"),
    [
        (STANDBY, takeover._is_released, silent(1), "two owners"),
        (STANDBY, takeover.announce, silent(), "nobody has"),
        (STANDBY, svm.has_view, silent(0), "set already"),
        (FAILING, takeover.release, tells_first, "refused"),
        (FAILING, takeover.release, keeps_running, "two owners"),
        (FAILING, end.is_final, silent(1), "standby lives"),
    ],
)
def test_a_protocol_that_is_wrong_is_found(
    core: int, function: Any, model: Model, wrong: str
) -> None:
    with pytest.raises(Wrong, match=wrong):
        Exploration(changes={core: {function: model}}).go()
