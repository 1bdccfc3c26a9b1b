"""On a deterministic machine no core waits longer for its turn, or gets less, than is promised."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from questv.counter import InstructionCounter, Mark
from questv.machine import WITHOUT_X2APIC
from questv.machine.deterministic import (
    METRONOME,
    least_share,
    longest_time,
    longest_turn,
    longest_wait,
    metronome,
)
from questv.plan.build import build
from tests.running import run_system, sandbox_text, system_text, task_text, write_system

BEGIN, END = 5_000_000, 8_000_000
TASKS = f"""
# Looks at the time again and again: when that has leapt, other cores had their turns.
@task
def look() -> None:
    sleep_until({BEGIN})
    worst = u64(0)
    first = now()
    last = first
    asm("looks_begin:", None, "")
    while last < {END}:
        moment = now()
        worst = max(worst, moment - last)
        last = moment
    asm("looks_end:", None, "")
    log(f"{{worst}} {{last - first}}")
"""
LOOK = 60
"""More instructions than a look takes."""


@pytest.mark.parametrize(("cores", "busy"), [(3, 1), (2, 2), (3, 3), (6, 6), (4, 2), (16, 3)])
def test_turns(tmp_path: Path, cores: int, busy: int) -> None:
    names = [f"busy-{number}" for number in range(busy)]
    text = system_text(*(sandbox_text(name, task_text("look")) for name in names))
    system = build(write_system(tmp_path, text, TASKS))
    marks = {}
    for name in names:
        core, symbols = system.plan.sandbox(name).core, system.kernels[name].symbols
        marks[name] = [Mark(core, symbols.address(f"looks_{end}")) for end in ("begin", "end")]
    with InstructionCounter([mark for pair in marks.values() for mark in pair]) as counter:
        run = run_system(
            *(system, tmp_path),
            cores=cores,
            deterministic=True,
            cpu=WITHOUT_X2APIC,
            extra=counter.arguments,
        )
        assert run.exit is not None and run.exit.value == 0x10, (run.exit, run.serial)
        instructions = [counter.intervals(*pair)[0] for pair in marks.values()]
    leaps, times = zip(*(map(int, run[name].lines[-1].split()) for name in names), strict=True)
    assert max(leaps) <= longest_wait(cores, busy) + LOOK
    for time, own in zip(times, instructions, strict=True):
        assert time <= longest_time(own, cores, busy)
    assert sum(instructions) == pytest.approx(END - BEGIN, rel=0.01), "there is one clock"
    # The bounds say something: half of either would be wrong.
    assert busy == 1 or max(leaps) > longest_wait(cores, busy) / 2
    assert min(instructions) < 2 * least_share(cores, busy) * (END - BEGIN)


def test_rules() -> None:
    assert longest_turn(1) == longest_wait(2, 3) == METRONOME
    assert longest_wait(4, 1) == 0
    assert longest_turn(5, period=50_000) == METRONOME
    assert least_share(4, 1) == 1
    assert least_share(2, 2) == Fraction(1, 4)
    assert longest_time(1000, 2, 1) == 1000
    assert longest_time(1000, 2, 2) == 4000 + METRONOME / 2


@pytest.mark.parametrize(
    ("budget", "period"),
    [(None, METRONOME), (1_000, METRONOME), (20_000, METRONOME), (100_000, 50_000)],
)
def test_the_metronome_beats_twice_in_each_budget(budget: int | None, period: int) -> None:
    assert metronome(budget) == period
    for cores in range(1, 65):
        assert (
            budget is None
            or budget < 2 * METRONOME
            or longest_wait(cores, cores, period) * 2 < budget
        )
