"""Task sources that need no compiler."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from questv.diagnostics import Diagnostic, Place
from questv.system.model import Isolation
from questv.system.tasks import (
    FunctionMissing,
    ModuleMissing,
    ParameterKind,
    Periodic,
    TaskInvalid,
    TaskProblem,
    TaskSignature,
)

KINDS = {
    kind.value: kind
    for kind in ParameterKind
    if kind not in (ParameterKind.INTEGER, ParameterKind.FLOAT)
}
FLOATS = {"f32": 32, "f64": 64}
INTEGERS = {
    f"{sign}{bits}": range(-(1 << bits - 1), 1 << bits - 1) if sign == "i" else range(1 << bits)
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}


def isolation_of(kinds: Mapping[str, ParameterKind]) -> Isolation | None:
    """All types of these tests that only one side has are a kernel's, but for ``process.Type``."""
    anywhere = {ParameterKind.INTEGER, ParameterKind.FLOAT, ParameterKind.STATE}
    return Isolation.KERNEL if set(kinds.values()) - anywhere else None


@dataclass(frozen=True)
class KnownTasks:
    """A source that was told the signatures, by what ``run`` says."""

    signatures: Mapping[str, TaskSignature]

    def find(self, run: str) -> TaskSignature | TaskProblem:
        module = run.partition(":")[0]
        functions = [each for each in self.signatures if each.partition(":")[0] == module]
        if not functions:
            return ModuleMissing()
        missing = FunctionMissing(tuple(each.partition(":")[2] for each in functions))
        return self.signatures.get(run, missing)


@dataclass(frozen=True)
class ParsedTasks:
    """A source that knows parameters by the names of their annotations in ``folder``'s modules.

    Every function is a task but for those with a decorator other than ``@periodic``.
    """

    folder: Path

    def find(self, run: str) -> TaskSignature | TaskProblem:
        module, _, name = run.partition(":")
        file = self.folder / f"{module}.py"
        if not file.exists():
            return ModuleMissing()
        body = ast.parse(file.read_text()).body
        functions = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
        marked = tuple(each for each in functions if _is_task(functions[each]))
        if name not in functions:
            return FunctionMissing(marked)
        if name not in marked:
            [decorator] = functions[name].decorator_list
            place = Place(file, functions[name].lineno)
            return FunctionMissing(marked, place, ast.unparse(decorator) == "metal")
        return _signature(file, functions[name])


def _is_task(function: ast.FunctionDef) -> bool:
    return all(ast.unparse(each).startswith("periodic") for each in function.decorator_list)


def _periodic(function: ast.FunctionDef) -> Periodic | None:
    """What ``@periodic`` or ``@periodic(period=..., budget=...)`` says, in nanoseconds."""
    if not function.decorator_list:
        return None
    [decorator] = function.decorator_list
    given = decorator.keywords if isinstance(decorator, ast.Call) else []
    times = {each.arg: ast.literal_eval(each.value) for each in given}
    return Periodic(times.get("period"), times.get("budget"))


def _signature(file: Path, function: ast.FunctionDef) -> TaskSignature | TaskProblem:
    kinds: dict[str, ParameterKind] = {}
    integers: dict[str, range] = {}
    bits: dict[str, int] = {}
    findings = []
    in_process = False
    for argument in function.args.args:
        annotation = argument.annotation
        if isinstance(annotation, ast.Subscript):
            annotation = annotation.value
        type_name = annotation.id if isinstance(annotation, ast.Name) else ""
        if isinstance(annotation, ast.Attribute):
            type_name, in_process = annotation.attr, True
        if type_name in INTEGERS:
            kinds[argument.arg] = ParameterKind.INTEGER
            integers[argument.arg] = INTEGERS[type_name]
        elif type_name in FLOATS:
            kinds[argument.arg] = ParameterKind.FLOAT
            bits[argument.arg] = FLOATS[type_name]
        elif type_name in KINDS:
            kinds[argument.arg] = KINDS[type_name]
        else:
            place = Place(file, argument.lineno, argument.col_offset + 1, len(argument.arg))
            findings.append(
                Diagnostic(
                    place,
                    f'"{argument.arg}" has a type that a task can\'t take',
                    "use a channel's end, an Input or an integer",
                    "parameter-type",
                )
            )
    if findings:
        return TaskInvalid(tuple(findings))
    place = Place(file, function.lineno, function.col_offset + 5, len(function.name))
    periodic = _periodic(function)
    isolation = Isolation.PROCESS if in_process else isolation_of(kinds)
    return TaskSignature(
        function.name, place, kinds, integers, bool(bits), bits, periodic, isolation=isolation
    )
