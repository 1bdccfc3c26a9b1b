"""What survives of a task's state: what was saved last, whole, or nothing.

``Kernel`` is an incarnation of compiled code, ``Dying`` one on the abstract machine, which can end
between any two of its stores. What they leave behind is the memory of the slots.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from crc32c import crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from questv.arch.x86.checksum import checksum
from questv.arch.x86.instructions import crc32c as crc32c_step
from questv.inspect.guest import Guest
from questv.inspect.sandbox import sandbox_report
from questv.kernel import states
from questv.kernel.states import SAVE_SLOTS, KeptState, KeptStates, Slot, State, slot_size
from questv.metal.interpret.events import Site, Steps, Store
from questv.metal.interpret.faults import Trapped
from questv.metal.interpret.interpreter import Interpreter, Model, alone, perform
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program
from questv.metal.jit import Jit
from questv.metal.runtime import memcpy
from questv.metal.structs import sizeof
from tests.running import (
    Run,
    boot,
    sandbox_text,
    system_text,
    task_text,
    timed_text,
)

SIZES = (1, 7, 8, 20)
VERSION = 3


def empty(size: int) -> bytes:
    """The slots of a state as they are at first."""
    return bytes(SAVE_SLOTS * slot_size(size))


def contents(size: int, number: int) -> bytes:
    """What a state holds when it is saved for the nth time: no two share a byte."""
    return bytes([number]) * size


# ---- compiled --------------------------------------------------------------------------------


@cache
def jit() -> Jit:
    return Jit(states)


class Kernel:
    """An incarnation with one state."""

    def __init__(self, size: int, slots: bytes, *, number: int = 1, version: int = VERSION) -> None:
        self._state, self._slots = bytearray(size), bytearray(slots)
        kept = jit().variable(states.kept)
        kept.count = 1
        kept.states[0] = KeptState(
            state=_address(self._state), slots=_address(self._slots), size=size, version=version
        )
        jit().variable(states._saves)[0] = 0
        jit().variable(states._restored)[0] = False
        jit()[states.start](number)

    @property
    def state(self) -> bytes:
        return bytes(self._state)

    @property
    def slots(self) -> bytes:
        return bytes(self._slots)

    @property
    def restored(self) -> bool:
        return bool(jit()[State.restored](_address(self._state)))

    def save(self, what: bytes) -> None:
        self._state[:] = what
        jit()[State.save](_address(self._state))


def _address(memory: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))


LIVES = st.lists(st.lists(st.binary(min_size=20, max_size=20), max_size=4), min_size=1, max_size=5)


@settings(deadline=None)
@given(st.sampled_from(SIZES), LIVES)
def test_each_incarnation_begins_with_what_the_one_before_it_saved_last(
    size: int, lives: list[list[bytes]]
) -> None:
    slots, saved = empty(size), None
    for number, saves in enumerate(lives):
        kernel = Kernel(size, slots, number=number)
        assert kernel.state == (saved or bytes(size))
        assert kernel.restored == (saved is not None)
        saved = None  # what was used is not used again
        for what in saves:
            saved = what[:size]
            kernel.save(saved)
        slots = kernel.slots


def test_the_first_incarnation_looks_at_nothing() -> None:
    before = Kernel(8, empty(8))
    before.save(contents(8, 1))
    first = Kernel(8, before.slots, number=0)
    assert (first.state, first.restored, first.slots) == (bytes(8), False, before.slots)


@settings(deadline=None)
@given(
    st.sampled_from(SIZES),
    st.integers(0, 4),
    st.dictionaries(st.integers(0, 2**16), st.integers(1, 255), max_size=3),
)
def test_the_newest_that_is_whole_is_used(size: int, saves: int, flips: dict[int, int]) -> None:
    before = Kernel(size, empty(size))
    for number in range(1, saves + 1):
        before.save(contents(size, number))
    whole = before.slots
    slots = bytearray(whole)
    for place, bits in flips.items():
        slots[place % len(slots)] ^= bits
    length = slot_size(size)
    left = [
        number
        for number in range(max(1, saves - 1), saves + 1)
        if slots[number % 2 * length :][:length] == whole[number % 2 * length :][:length]
    ]
    after = Kernel(size, bytes(slots))
    assert after.restored == bool(left)
    assert after.state == (contents(size, left[-1]) if left else bytes(size))


@settings(deadline=None)
@given(st.data(), st.sampled_from(SIZES))
def test_what_nobody_has_saved_is_not_used(data: st.DataObject, size: int) -> None:
    length = len(empty(size))
    slots = data.draw(st.binary(min_size=length, max_size=length))
    after = Kernel(size, slots)
    assert (after.state, after.restored) == (bytes(size), False)


@pytest.mark.parametrize(("size", "version"), [(8, VERSION + 1), (7, VERSION), (8, VERSION - 1)])
def test_another_version_or_size_begins_with_zeros(size: int, version: int) -> None:
    before = Kernel(8, empty(8))
    before.save(contents(8, 1))
    before.save(contents(8, 2))
    after = Kernel(size, before.slots, version=version)
    assert (after.state, after.restored) == (bytes(size), False)
    # Nor does it come back when the version does.
    assert not Kernel(8, after.slots).restored


def test_a_slot_that_is_whole_in_the_place_of_the_other_is_not_used() -> None:
    before = Kernel(8, empty(8))
    before.save(contents(8, 1))
    length = slot_size(8)
    assert not Kernel(8, before.slots[length:] + before.slots[:length]).restored


# ---- dying on the way ------------------------------------------------------------------------

STATE, SLOTS = 0x20_0000, 0x10_0000
PROGRAM = Program()
_HERE = Site("memcpy", 0, 0)


def _step(state: int, value: int) -> Steps[int | None]:
    yield from ()
    word = value.to_bytes(8, "little")
    return 0xFFFF_FFFF ^ crc32c(word, 0xFFFF_FFFF ^ state)


def _blind(_start: int, _size: int) -> Steps[int | None]:
    """Stands in for a checksum that takes everything for right."""
    yield from ()
    return 0


class Dying:
    """An incarnation that can end anywhere; without ``checks`` its checksum finds nothing."""

    def __init__(self, size: int, slots: bytes, *, checks: bool = True) -> None:
        self._memory = Memory()
        self._slots = self._memory.map(SLOTS, slots, shared=True)
        self._state = self._memory.map(STATE, bytes(size))
        models: Mapping[Any, Model] = {crc32c_step: _step, memcpy: self._copy}
        if not checks:
            models = {**models, checksum: _blind}
        self._domain = Interpreter(PROGRAM, self._memory, models=models)
        told = KeptStates.view(self._domain.variable(states.kept).contents)
        told.count = 1
        told.states[0] = KeptState(state=STATE, slots=SLOTS, size=size, version=VERSION)

    def _copy(self, to: int, source: int, length: int) -> Steps[int | None]:
        for i in range(length):
            value = self._memory.read(source + i, 1)
            if SLOTS <= to < STATE:
                yield Store(_HERE, to + i, 1, None, value)
            else:
                self._memory.write(to + i, 1, value)
        return to

    @property
    def state(self) -> bytes:
        return bytes(self._state.contents)

    @property
    def slots(self) -> bytes:
        return bytes(self._slots.contents)

    def start(self) -> Steps[int | None]:
        return self._domain.call(states.start, 1)

    def save(self, what: bytes) -> Steps[int | None]:
        self._state.contents[:] = what
        return self._domain.call(State.save, STATE)

    def call(self, method: Any, state: int) -> Steps[int | None]:
        return self._domain.call(method, state)

    def run(self, steps: Steps[int | None]) -> None:
        alone(steps, self._memory)

    def die(self, steps: Steps[int | None], after: int) -> bool:
        """Do so many stores to the slots and no more; whether it did not come so far."""
        answer = None
        while True:
            try:
                event = steps.send(answer)
            except StopIteration:
                return True
            if isinstance(event, Store):
                if after == 0:
                    return False
                after -= 1
            answer = perform(event, self._memory)


def deaths(made: Callable[[], tuple[Dying, Steps[int | None]]]) -> Iterator[tuple[bytes, bool]]:
    """The slots that a run leaves behind when it ends after 0, 1 ... stores, and if it was done."""
    after, done = 0, False
    while not done:
        kernel, steps = made()
        done = kernel.die(steps, after)
        yield kernel.slots, done
        after += 1
    assert after > 2, "it has stored something"


def begin(size: int, slots: bytes, *, checks: bool) -> bytes:
    """The state that the next incarnation begins with."""
    kernel = Dying(size, slots, checks=checks)
    kernel.run(kernel.start())
    return kernel.state


@pytest.mark.parametrize("checks", [True, False], ids=["", "by the order of stores alone"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("saves", [0, 1, 2, 3])
def test_dying_while_a_state_is_saved(size: int, saves: int, checks: bool) -> None:
    def saving() -> tuple[Dying, Steps[int | None]]:
        kernel = Dying(size, empty(size), checks=checks)
        for number in range(1, saves + 1):
            kernel.run(kernel.save(contents(size, number)))
        return kernel, kernel.save(contents(size, saves + 1))

    old, new = contents(size, saves), contents(size, saves + 1)
    for slots, done in deaths(saving):
        assert begin(size, slots, checks=checks) == (new if done else old)


@pytest.mark.parametrize("checks", [True, False], ids=["", "by the order of stores alone"])
def test_dying_while_a_state_is_restored(checks: bool) -> None:
    """It is the newest or nothing: an older one would be from before what the newest has seen."""
    size = 20
    before = Dying(size, empty(size), checks=checks)
    for number in (1, 2):
        before.run(before.save(contents(size, number)))

    def restoring() -> tuple[Dying, Steps[int | None]]:
        kernel = Dying(size, before.slots, checks=checks)
        return kernel, kernel.start()

    found = [begin(size, slots, checks=checks) for slots, _ in deaths(restoring)]
    assert set(found) == {contents(size, 2), bytes(size)}
    assert found == sorted(found, reverse=True), "once it is gone it stays gone"


def test_dying_in_the_first_save_after_a_restart_leaves_nothing() -> None:
    size = 8
    before = Dying(size, empty(size))
    before.run(before.save(contents(size, 1)))

    def saving() -> tuple[Dying, Steps[int | None]]:
        kernel = Dying(size, before.slots)
        kernel.run(kernel.start())
        assert kernel.state == contents(size, 1)
        return kernel, kernel.save(contents(size, 2))

    for slots, done in deaths(saving):
        assert begin(size, slots, checks=True) == (contents(size, 2) if done else bytes(size))


@pytest.mark.parametrize("method", [State.save, State.restored])
def test_what_is_no_tasks_own_state_is_refused(method: Any) -> None:
    kernel = Dying(8, empty(8))
    with pytest.raises(Trapped):
        kernel.run(kernel.call(method, STATE + 8))
    assert kernel.slots == empty(8)


def test_the_abstract_machine_and_the_compiled_code_leave_the_same() -> None:
    for size in SIZES:
        compiled, abstract = Kernel(size, empty(size)), Dying(size, empty(size))
        for number in (1, 2, 3):
            compiled.save(contents(size, number))
            abstract.run(abstract.save(contents(size, number)))
        assert compiled.slots == abstract.slots
        slot = Slot.view(compiled.slots, slot_size(size))
        assert (int(slot.version), int(slot.size), int(slot.sequence)) == (VERSION, size, 3)
        seal = int(slot.seal.load())
        checked = compiled.slots[slot_size(size) + 8 : 2 * slot_size(size)]
        assert seal == 1 << 32 | crc32c(checked)
        assert sizeof(Slot) + size <= slot_size(size)


# ---- on a machine ----------------------------------------------------------------------------

TASKS = """
from questv import process

class Own(State, version=4):
    calls: u64
    begun: u64

class Plain(State):
    calls: u64

@periodic
def step(own: Own, other: Plain) -> None:
    advance(own)
    other.calls += 1
    log(f"{own.begun} {own.calls} {other.calls}")
    if own.calls == 3:
        finish()
    else:
        sleep_until(now() + 2_000_000)
        panic("once more")

@initialize(step)
def prepare(own: Own) -> None:
    if not own.restored():
        own.begun = 7

@metal
def advance(own: Own) -> None:
    own.calls += 1
    own.save()

@task
def apart(own: Own) -> None:
    if own.restored():
        process.log("restored")
    advance(own)
    process.log(f"{own.begun} {own.calls}")
"""


def restored_states(run: Run) -> dict[str, tuple[str, ...]]:
    """What the tools say of each task."""
    guest = Guest(run.system.plan, Read(run.memory))
    report = sandbox_report(guest, run.system.plan.sandboxes[0], (), ())
    return {task.name: task.restored for task in report.tasks}


@dataclass
class Read:
    """A machine's memory for the tools."""

    read: Callable[[int, int], bytes]


def test_what_a_save_takes(tmp_path: Path) -> None:
    """As docs/tasks.md says: seven instructions for each 8 bytes, and a hundred."""
    sizes = (8, 4096)
    tasks = "".join(COST.format(size=size) for size in sizes)
    one = sandbox_text("one", *(task_text(f"of_{size}", i) for i, size in enumerate(sizes)))
    run = boot(tmp_path, system_text(one), tasks, deterministic=True)
    for line in run["one"].lines:
        size, took = map(int, line.split())
        assert size // 8 * 7 < took <= size // 8 * 7 + 110


COST = """
class Of{size}(State, version=1):
    contents: Array[u8, {size}]

@task
def of_{size}(own: Of{size}) -> None:
    first = now()
    second = now()
    own.save()
    third = now()
    log(f"{size} {{third - second - (second - first)}}")
"""


def test_kernels_and_processes_go_on_with_what_was_saved(tmp_path: Path) -> None:
    """The kernel dies twice; what has no version begins anew each time."""
    one = sandbox_text(
        "one",
        '[sandbox.recovery]\non_fault = "restart"\n',
        timed_text("step", "5 ms", "1 ms"),
        task_text("apart", keys='isolation = "process"'),
    )
    run = boot(tmp_path, system_text(one), TASKS, deterministic=True)
    assert [line for line in run["one"].lines if not line.startswith("panic")] == [
        *("7 1 1", "0 1"),
        *("7 2 1", "restored", "0 2"),
        *("7 3 1", "restored", "0 3"),
    ]
    assert len(run["one"].crashes) == 2
    assert restored_states(run) == {"step": ("own",), "apart": ("own",)}
