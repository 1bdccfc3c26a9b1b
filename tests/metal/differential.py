"""Runs random programs compiled and in the model, and says where the two differ."""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import ModuleType

from questv.metal.isolate import isolated
from questv.metal.jit import Jit

from . import gate
from .generate.maker import make_inputs, make_program
from .generate.model import Boolean, Scalar, Trap, Undecided, contents
from .generate.program import Function, Program
from .loading import Workshop
from .trapping import Runner


@dataclass(frozen=True)
class Case:
    """One call, and what the model makes of it: a result or a trap, and the variables after."""

    function: Function
    arguments: list[int]
    outcome: int | str
    variables: dict[str, bytes]


@dataclass
class Tally:
    """How the calls of a test ended, so that a test that tests nothing shows."""

    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: int | str | None) -> None:
        kind = outcome if isinstance(outcome, str) else "undecided" if outcome is None else "result"
        self.outcomes[kind] += 1


def cases(
    program: Program, inputs: list[tuple[Function, list[int]]], checks: bool, tally: Tally
) -> list[Case]:
    """The calls whose outcome the model knows."""
    made = []
    for function, arguments in inputs:
        machine = program.machine(checks=checks)
        outcome: int | str
        try:
            outcome = int(function.call(machine, arguments))
        except Trap as trap:
            outcome = trap.kind
        except Undecided:
            tally.add(None)
            continue
        tally.add(outcome)
        variables = {
            variable.name: contents(variable.type, machine.statics[variable.name])
            for variable in program.variables
        }
        made.append(Case(function, arguments, outcome, variables))
    return made


def compare(seed: int, levels: tuple[int, ...], folder: Path, entries: int, calls: int) -> Tally:
    """Check one program at some optimization levels, in debug and release builds.

    Raises AssertionError with the first function that behaves otherwise than the model.
    """
    random = Random(seed)
    program = make_program(random, entries)
    inputs = [
        (function, arguments)
        for function in program.entries
        for arguments in make_inputs(random, function, calls)
    ]
    workshop = Workshop(folder)
    tally = Tally()
    try:
        module = workshop.load(program.text(), f"random{seed}", header="")
        for checks in (True, False):
            expected = cases(program, inputs, checks, tally)
            for level in levels:
                jit = Jit(module, gate, checks=checks, level=level)
                found = isolated(_run)(jit, module, program, expected)
                jit.close()
                if found is not None:
                    build = f"level {level}, {'debug' if checks else 'release'} build"
                    raise AssertionError(f"seed {seed}, {build}: {found}")
    finally:
        workshop.close()
    return tally


class Variables:
    """The variables of a loaded program."""

    def __init__(self, jit: Jit, module: ModuleType, program: Program) -> None:
        self.places = {v.name: jit.address(getattr(module, v.name)) for v in program.variables}
        start = program.machine(checks=False).statics
        self._initial = {v.name: contents(v.type, start[v.name]) for v in program.variables}

    def reset(self) -> None:
        """Put all of them back to what they start with."""
        for name, before in self._initial.items():
            ctypes.memmove(self.places[name], before, len(before))


def _run(jit: Jit, module: ModuleType, program: Program, expected: list[Case]) -> str | None:
    """In a child: make the calls, and describe the first that goes otherwise."""
    runner = Runner(jit)
    variables = Variables(jit, module, program)
    for case in expected:
        variables.reset()
        raw = runner.call(getattr(module, case.function.name), case.arguments)
        outcome = raw if isinstance(raw, str) else _value(case.function.result, raw)
        differences = [] if outcome == case.outcome else [f"gave {outcome}, not {case.outcome}"]
        for name, after in case.variables.items():
            there = ctypes.string_at(variables.places[name], len(after))
            if there != after:
                differences.append(f"left {name} as {there.hex()}, not {after.hex()}")
        if differences:
            what = "; ".join(differences)
            return f"{case.function.name}{tuple(case.arguments)} {what}\n{case.function.text()}"
    return None


def _value(type_: Scalar, raw: int) -> int:
    return raw & 0xFF if isinstance(type_, Boolean) else type_.wrap(raw)
