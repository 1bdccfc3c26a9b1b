"""The abstract machine: what it computes, what others see of it, and what it refuses.

It is held against the model that compiled code is held against, with random programs; a failure
names the seed, and ``python -m tests.metal.generate SEED`` prints the whole program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest

from questv.metal.interpret.events import Exchange, FenceReached, Load, Site, Steps, Store
from questv.metal.interpret.faults import EndlessError, MemoryFault, Trapped, UnsupportedError
from questv.metal.interpret.interpreter import Interpreter
from questv.metal.interpret.memory import Memory
from questv.metal.interpret.program import Program
from questv.metal.lang import ACQUIRE, RELEASE, SEQ_CST
from questv.metal.tree import CellOperation, TrapKind

from .differential import Case, Tally, cases
from .generate.__main__ import ENTRIES
from .generate.maker import make_inputs, make_program
from .loading import HEADER, Workshop

CALLS = 16


def check(seed: int, folder: Path) -> Counter[str]:
    """Raises AssertionError at the first call that goes otherwise than in the model."""
    random = Random(seed)
    program = make_program(random, ENTRIES)
    inputs = [
        (function, arguments)
        for function in program.entries
        for arguments in make_inputs(random, function, CALLS)
    ]
    workshop = Workshop(folder)
    tally = Tally()
    try:
        module = workshop.load(program.text(), f"interpreted{seed}", header="")
        trees = Program()
        for checks in (True, False):
            for case in cases(program, inputs, checks, tally):
                domain = Interpreter(trees, Memory(), checks=checks)
                assert outcome(domain, module, case) == (case.outcome, case.variables), (
                    f"seed {seed}, checks={checks}: {case.function.name}{tuple(case.arguments)}\n"
                    f"{case.function.text()}"
                )
    finally:
        workshop.close()
    return tally.outcomes


def outcome(
    domain: Interpreter, module: ModuleType, case: Case
) -> tuple[int | str | None, dict[str, bytes]]:
    """How a call ended, and what it left in the variables."""
    ended: int | str | None
    try:
        ended = domain.run(getattr(module, case.function.name), *case.arguments)
    except Trapped as trap:
        ended = trap.kind.name
    left = {name: domain.variable(getattr(module, name)).contents for name in case.variables}
    return ended, {name: bytes(contents) for name, contents in left.items()}


def test_programs(tmp_path: Path) -> None:
    outcomes = sum((check(seed, tmp_path) for seed in range(6)), Counter[str]())
    assert outcomes["result"] > 300
    assert {"ASSERTION", "DIVISION", "BOUNDS", "SHIFT", "CAST"} <= set(outcomes)


@pytest.mark.long
@pytest.mark.parametrize("start", range(16))
def test_many_programs(start: int, tmp_path: Path) -> None:
    for seed in range(16 + start, 2000, 16):
        check(seed, tmp_path)


# ---- events ----------------------------------------------------------------------------------

SOURCE = """
class Line(Struct):
    flag: Shared[u32]
    plain: u32
    hits: Atomic[u64]

turns: u64 = static(0)

@metal
def visit(line: Line) -> u64:
    line.plain = 7
    line.flag.store(u32(line.plain) + 1, RELEASE)
    fence(SEQ_CST)
    return line.hits.add(3, ACQUIRE)

@metal
def misaligned(at: u64) -> u32:
    value = Ptr[Shared[u32]](at)[0].load(RELAXED)
    return value

@metal
def plain(at: u64) -> u32:
    return Ptr[u32](at)[0]

@metal
def put(at: u64) -> None:
    Ptr[u32](at)[0] = 1

@metal
def forever() -> None:
    global turns
    while True:
        turns += 1

@metal(floats=True)
def halves(value: f64) -> f64:
    return value / 2.0

@assembly("mov eax, 5\\nret")
def five() -> u32:
    raise NotImplementedError

@metal
def six() -> u32:
    return five() + 1
"""

LINE = 0x1000


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    workshop = Workshop(tmp_path_factory.mktemp("interpreted"))
    yield workshop.load(SOURCE)
    workshop.close()


def machine(*, writable: bool = True, checks: bool = True, **settings: Any) -> Interpreter:
    """A machine with 16 bytes of memory that others see."""
    memory = Memory()
    memory.map(LINE, bytes(16), shared=True, writable=writable)
    return Interpreter(Program(), memory, checks=checks, **settings)


def test_others_see_accesses_to_what_is_shared_and_fences(module: ModuleType) -> None:
    """In the order of the program, each once; the answers are what is read."""
    run = machine().call(module.visit, LINE)
    events, answer = [], None
    with pytest.raises(StopIteration) as end:
        while True:
            events.append(run.send(answer))
            answer = {1: 0x1234, 4: 50}.get(len(events) - 1)
    sites = [event.site for event in events]
    assert events == [
        Store(sites[0], LINE + 4, 4, None, 7),
        Load(sites[1], LINE + 4, 4, None),
        Store(sites[2], LINE, 4, RELEASE, 0x1235),
        FenceReached(sites[3], SEQ_CST),
        Exchange(sites[4], LINE + 8, 8, ACQUIRE, CellOperation.ADD, (3,)),
    ]
    assert end.value.value == 50
    lines = [(HEADER + SOURCE).splitlines()[site.line - 1].split("(")[0] for site in sites]
    flag = "    line.flag.store"
    assert lines == ["    line.plain = 7", flag, flag, "    fence", "    return line.hits.add"]


def test_an_access_that_is_alone_acts_on_memory(module: ModuleType) -> None:
    domain = machine()
    assert domain.run(module.visit, LINE) == 0
    assert domain.run(module.visit, LINE) == 3
    assert domain.memory.read(LINE, 4) == 8
    assert domain.memory.read(LINE + 8, 8) == 6


def test_accesses_outside_of_memory_fault(module: ModuleType) -> None:
    for at in (LINE - 4, LINE + 14, LINE + 16, 0x500):
        with pytest.raises(MemoryFault, match="nothing is mapped"):
            machine().run(module.plain, at)
    with pytest.raises(MemoryFault, match="read-only"):
        machine(writable=False).run(module.put, LINE)


@pytest.mark.parametrize("checks", [True, False])
def test_a_misaligned_cell_is_a_trap_in_every_build(module: ModuleType, checks: bool) -> None:
    with pytest.raises(Trapped) as caught:
        machine(checks=checks).run(module.misaligned, LINE + 2)
    assert caught.value.kind is TrapKind.ALIGNMENT


def test_null_is_a_trap_in_debug_builds_only(module: ModuleType) -> None:
    with pytest.raises(Trapped):
        machine().run(module.plain, 0)
    with pytest.raises(MemoryFault):
        machine(checks=False).run(module.plain, 0)


def test_endless_loops_end(module: ModuleType) -> None:
    domain = machine(limit=100)
    with pytest.raises(EndlessError):
        domain.run(module.forever)
    assert 40 < int.from_bytes(domain.variable(module.turns).contents, "little") < 100


def test_what_is_not_modelled_is_refused(module: ModuleType) -> None:
    with pytest.raises(UnsupportedError, match="five is assembly"):
        machine().run(module.six)
    with pytest.raises(UnsupportedError):
        machine().run(module.halves, 0)


def test_a_model_stands_in_for_a_function(module: ModuleType) -> None:
    def model() -> Steps[int]:
        answer = yield Load(Site("model", 1, 1), LINE, 4, None)
        assert answer is not None
        return answer + 40

    domain = machine(models={module.five: model})
    domain.memory.write(LINE, 4, 1)
    assert domain.run(module.six) == 42
