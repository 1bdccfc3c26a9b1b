"""Task sources that need no compiler."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from questv.diagnostics import Diagnostic, Place
from questv.system.tasks import (
    FunctionMissing,
    ModuleMissing,
    ParameterKind,
    TaskInvalid,
    TaskProblem,
    TaskSignature,
)

KINDS = {kind.value: kind for kind in ParameterKind if kind is not ParameterKind.INTEGER}
INTEGERS = {
    f"{sign}{bits}": range(-(1 << bits - 1), 1 << bits - 1) if sign == "i" else range(1 << bits)
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}


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

    Every function is a task but for those with a decorator: ``@metal``, or any other.
    """

    folder: Path

    def find(self, run: str) -> TaskSignature | TaskProblem:
        module, _, name = run.partition(":")
        file = self.folder / f"{module}.py"
        if not file.exists():
            return ModuleMissing()
        body = ast.parse(file.read_text()).body
        functions = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
        marked = tuple(each for each in functions if not functions[each].decorator_list)
        if name not in functions:
            return FunctionMissing(marked)
        if name not in marked:
            [decorator] = functions[name].decorator_list
            place = Place(file, functions[name].lineno)
            return FunctionMissing(marked, place, ast.unparse(decorator) == "metal")
        return _signature(file, functions[name])


def _signature(file: Path, function: ast.FunctionDef) -> TaskSignature | TaskProblem:
    kinds: dict[str, ParameterKind] = {}
    integers: dict[str, range] = {}
    findings = []
    for argument in function.args.args:
        annotation = argument.annotation
        if isinstance(annotation, ast.Subscript):
            annotation = annotation.value
        type_name = annotation.id if isinstance(annotation, ast.Name) else ""
        if type_name in INTEGERS:
            kinds[argument.arg] = ParameterKind.INTEGER
            integers[argument.arg] = INTEGERS[type_name]
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
    return TaskSignature(function.name, place, kinds, integers, floats=False)
