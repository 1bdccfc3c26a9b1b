"""Two kernels and one task that moves: all orders in which they change the word, with failures.

What runs is the source of ``questv.kernel.migration`` and ``questv.kernel.moves``; played are the
scheduler, the clock, and what is in the luggage. The kernels take turns at each access to the word.
(Of the luggage nobody rests on the order: what was copied while it changed is not taken, since the
word has changed before.) Either of them may fail before any of its accesses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from questv.arch.x86.instructions import read_tsc
from questv.kernel import clock, migration, moves
from questv.kernel.moves import Luggage, Move, Mover
from questv.kernel.processes import Process
from questv.metal.interpret.events import Access, Exchange, Load, Steps, Store
from questv.metal.interpret.interpreter import Interpreter
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program
from questv.metal.structs import offsetof, sizeof

PAGE = 0x10_0000
PROGRAM = Program()
LUGGAGE = 64  # offset in the page


class Kernel:
    """One kernel with its record of the task, and looks after it a number of times."""

    def __init__(self, place: int, looks: int, *, refuses: bool = False) -> None:
        self.place, self.looks = place, looks
        self.failed = False
        memory = Memory()
        memory.map(PAGE, bytes(sizeof(Move)), shared=True)
        models: dict[Any, Callable[..., Steps[int | None]]] = {
            read_tsc: self._nothing,
            clock.now: self._nothing,  # later than any patience
            migration._is_in_time: self._yes,
            migration._is_sound: self._no if refuses else self._sound,
            migration._pack: self._pack,
            migration._unpack: self._unpack,
            migration._let_go_on: self._go_on,
            migration._ring: self._nothing,
            migration._stop: self._stop,
        }
        self.memory = memory
        self.domain = Interpreter(PROGRAM, memory, models=models)
        process = Process()
        process.mover = Mover(move=PAGE, own=place, count=2, is_ready=True, is_here=place == 0)
        process.mover.request.store(2 if place == 0 else 0, None)  # type: ignore[arg-type]
        self.record = memory.reserve(bytes(process))
        self.tag = 0

    @property
    def mover(self) -> Mover:
        found: Mover = Process.view(self.record.contents).mover
        return found

    @property
    def runs(self) -> bool:
        """Whether the task could have the core here."""
        mover = self.mover
        return bool(mover.is_here) and not mover.is_parked and not self.failed

    def steps(self) -> Steps[None]:
        for _ in range(self.looks):
            yield from self.domain.call(migration._look_after, self.record.start, 0, 1)

    def _nothing(self, *_: int) -> Steps[int]:
        yield from ()
        return 0

    def _yes(self, *_: int) -> Steps[int]:
        yield from ()
        return 1

    _no = _nothing

    def _stop(self, *_: int) -> Steps[int]:
        self.mover.is_stopping = self.mover.is_parked = True
        yield from ()
        return 1

    def _pack(self, *_: int) -> Steps[None]:
        """The first and the last word of the luggage tell one time from another."""
        self.tag += 1
        self.mover.luggage.registers.r15 = self.tag
        self.mover.luggage.budget[15].amount = self.tag
        yield from ()

    def _sound(self, _process: int, _task: int, luggage: int) -> Steps[int]:
        yield from ()
        return 1

    def _unpack(self, *_: int) -> Steps[None]:
        luggage = self.mover.luggage
        assert luggage.registers.r15 == luggage.budget[15].amount, "taken while it was packed"
        self.mover.is_here = True
        yield from self._go_on()

    def _go_on(self, *_: int) -> Steps[None]:
        self.mover.is_stopping = self.mover.is_parked = False
        yield from ()


@dataclass
class Schedule:
    """Decisions that were made, each with how many there were to choose from."""

    made: list[list[int]] = field(default_factory=list)
    at: int = 0

    def choose(self, count: int) -> int:
        if self.at == len(self.made):
            self.made.append([0, count])
        self.at += 1
        return self.made[self.at - 1][0]

    def next(self) -> bool:
        """Go on to the next way; false if there is none."""
        while self.made and self.made[-1][0] + 1 == self.made[-1][1]:
            self.made.pop()
        if self.made:
            self.made[-1][0] += 1
        self.at = 0
        return bool(self.made)


class World:
    """Both kernels, and the page that they share."""

    def __init__(self, kernels: list[Kernel], *, failures: int) -> None:
        self.kernels, self.failures = kernels, failures
        self.page = bytearray(sizeof(Move))

    def run(self, schedule: Schedule) -> None:
        threads = [kernel.steps() for kernel in self.kernels]
        waiting = [
            self._until_word(kernel, thread, None)
            for kernel, thread in zip(self.kernels, threads, strict=True)
        ]
        while any(event is not None for event in waiting):
            ready = [n for n, event in enumerate(waiting) if event is not None]
            ways = [(n, False) for n in ready]
            if self.failures:
                ways += [(n, True) for n in ready]
            turn, fails = ways[schedule.choose(len(ways))]
            if fails:
                self.failures -= 1
                self.kernels[turn].failed = True
                waiting[turn] = None
                continue
            event = waiting[turn]
            assert event is not None
            kernel = self.kernels[turn]
            answer = self._answer(event, kernel)
            waiting[turn] = self._until_word(kernel, threads[turn], answer)
            assert sum(kernel.runs for kernel in self.kernels) <= 1, "at two places"
        for kernel in 3 * self.kernels:  # whoever is left looks after it some more
            if not kernel.failed:
                kernel.looks = 1
                steps = kernel.steps()
                event = self._until_word(kernel, steps, None)
                while event is not None:
                    event = self._until_word(kernel, steps, self._answer(event, kernel))

    def _until_word(self, kernel: Kernel, thread: Steps[None], answer: int | None) -> Access | None:
        """Let a kernel go on up to its next access to the word; None if there is none."""
        try:
            event = thread.send(answer)
            while isinstance(event, Access) and event.address != PAGE:
                event = thread.send(self._answer(event, kernel))
        except StopIteration:
            return None
        assert isinstance(event, Access)
        return event

    def _answer(self, event: Access, kernel: Kernel) -> int | None:
        """What an access does, to the page or to a kernel's own cell."""
        memory, start = self.page, event.address - PAGE
        if not 0 <= start < len(memory):
            memory, start = kernel.record.contents, event.address - kernel.record.start
        place = slice(start, start + event.size)
        before = int.from_bytes(memory[place], "little")
        match event:
            case Load():
                return before
            case Store():
                memory[place] = event.value.to_bytes(event.size, "little")
                return None
            case Exchange():
                memory[place] = event.after(before).to_bytes(event.size, "little")
                return before
        raise AssertionError(event)

    @property
    def word(self) -> int:
        return int.from_bytes(self.page[:8], "little")


def worlds(
    looks: tuple[int, int], *, failures: int, refuses: bool = False
) -> Iterator[tuple[World, list[Kernel]]]:
    """Every way in which it can go."""
    schedule = Schedule()
    while True:
        kernels = [Kernel(0, looks[0]), Kernel(1, looks[1], refuses=refuses)]
        world = World(kernels, failures=failures)
        world.run(schedule)
        yield world, kernels
        if not schedule.next():
            return


def holder(world: World) -> int:
    """Who has the task, offered or not."""
    return world.word & 0xFF


def is_offered(world: World) -> bool:
    return world.word >> 16 & 0xFF == moves.Holding.OFFERED


@pytest.mark.parametrize("refuses", [False, True])
def test_the_task_is_always_at_one_place(refuses: bool) -> None:
    ended = set()
    for world, kernels in worlds((3, 2), failures=0, refuses=refuses):
        assert [kernel.runs for kernel in kernels].count(True) == 1
        assert kernels[holder(world)].runs
        assert not is_offered(world)
        ended.add(holder(world))
    assert ended == ({0} if refuses else {0, 1})


def test_a_kernel_that_fails_takes_along_what_it_holds_and_no_more() -> None:
    ended = set()
    for world, kernels in worlds((3, 2), failures=1):
        alive = [kernel for kernel in kernels if not kernel.failed]
        running = [kernel.place for kernel in alive if kernel.runs]
        if kernels[holder(world)].failed:
            assert not is_offered(world), "it was offered, and nobody took it"
            assert running == []
            ended.add(("lost", holder(world)))
        else:
            assert running == [holder(world)]
            ended.add(("runs", holder(world), len(alive)))
    # Each can fail with the task, and each can outlive the other with it.
    assert ended >= {("lost", 0), ("lost", 1), ("runs", 0, 1), ("runs", 1, 1)}


def test_the_luggage_is_where_it_is_thought_to_be() -> None:
    assert offsetof(Move, "luggage") == LUGGAGE
    assert sizeof(Luggage) <= sizeof(Move) - LUGGAGE
