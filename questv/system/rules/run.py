"""Rules on the run: an end that comes, and a check that exists."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path

from questv.diagnostics import Diagnostic, Place
from questv.system.draft import Draft, repeated
from questv.system.wording import suggest


def until_empty(draft: Draft) -> Iterator[Diagnostic]:
    """A run that waits for no sandbox would end before it begins."""
    if draft.run.item.until == ():
        yield Diagnostic(
            draft.run.value("until"),
            '"until" names no sandbox',
            "name one or more, or remove the key to wait for all",
            "until-empty",
        )


def until_unknown(draft: Draft) -> Iterator[Diagnostic]:
    """A run that waits for a sandbox that isn't there would never end."""
    for index, name in enumerate(draft.run.item.until or ()):
        if name not in draft.sandbox_names:
            yield Diagnostic(
                draft.run.value("until", index),
                f'there is no sandbox "{name}"',
                suggest(name, draft.sandbox_names, "add a [[sandbox]] of this name"),
                "until-unknown",
            )


def until_repeated(draft: Draft) -> Iterator[Diagnostic]:
    """A sandbox ends once; where its name stands twice, another one was probably meant."""
    names = enumerate(draft.run.item.until or ())
    for (first, _), (again, name) in repeated(names, lambda entry: entry[1]):
        yield Diagnostic(
            draft.run.value("until", again),
            f'"{name}" is named twice: as number {first + 1} and as number {again + 1}',
            "keep one of the two",
            "until-repeated",
        )


def expect_module_missing(draft: Draft) -> Iterator[Diagnostic]:
    """The check of a run is a function of a Python module that stands beside the description."""
    if draft.run.item.expect is not None:
        file, function = _check(draft, draft.run.item.expect)
        if not file.is_file():
            yield Diagnostic(
                draft.run.value("expect"),
                f"there is no file {file}",
                f"write it, with a function {function}, or name another module",
                "expect-module-missing",
            )


def expect_invalid(draft: Draft) -> Iterator[Diagnostic]:
    """A check that is not Python would fail, which is better known before the run."""
    if draft.run.item.expect is not None:
        file, _ = _check(draft, draft.run.item.expect)
        try:
            _functions(file)
        except SyntaxError as error:
            yield Diagnostic(
                Place(file, error.lineno or 0, error.offset or 1),
                f"this is not Python: {error.msg}",
                "correct it",
                "expect-invalid",
            )


def expect_function_missing(draft: Draft) -> Iterator[Diagnostic]:
    """The module of the check must define the function; what it imports does not count."""
    if draft.run.item.expect is not None:
        file, function = _check(draft, draft.run.item.expect)
        with contextlib.suppress(SyntaxError):  # That is a finding of expect_invalid.
            functions = _functions(file)
            if file.is_file() and function not in functions:
                yield Diagnostic(
                    draft.run.value("expect"),
                    f"{file.name} defines no function {function}",
                    suggest(function, functions, f"write one: def {function}(...)"),
                    "expect-function-missing",
                )


def _check(draft: Draft, expect: str) -> tuple[Path, str]:
    """The file of the module that ``expect`` names, and the function's name."""
    module, _, function = expect.partition(":")
    return draft.document.file.parent / f"{module}.py", function


def _functions(file: Path) -> list[str]:
    """The functions that the Python ``file`` defines; none if there is no such file.

    Raises SyntaxError if the file is not Python.
    """
    if not file.is_file():
        return []
    body = ast.parse(file.read_bytes()).body
    return [statement.name for statement in body if isinstance(statement, ast.FunctionDef)]


RULES = (
    until_empty,
    until_unknown,
    until_repeated,
    expect_module_missing,
    expect_invalid,
    expect_function_missing,
)
