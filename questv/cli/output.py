"""What a command says, to people and to programs, and the code that it leaves with."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType

from questv.diagnostics import BadInputError, Diagnostic, DiagnosticsError, ProblemError
from questv.view.problems import diagnostics_view, problem_view
from questv.view.terminal import show, terminal


class ExitCode(IntEnum):
    """What a command leaves with, but for signals and defects."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2


class UserError(BadInputError):
    """What was typed can't be used."""


class Output:
    """Where a command's words go.

    With ``json``, standard output has one JSON document and nothing else, and what is for people
    goes to standard error; with ``aside`` it goes there too, as something else has the output.
    """

    def __init__(self, *, json: bool, aside: bool = False) -> None:
        """Nothing is said yet."""
        self.json = json
        self.errors = terminal(sys.stderr)
        self.people: Console = self.errors if json or aside else terminal(sys.stdout)

    def show(self, *parts: RenderableType) -> None:
        """Show something to people."""
        show(self.people, *parts)

    def result(self, result: BaseModel | object, view: RenderableType) -> None:
        """Give a command's result: as JSON, or else in the form for people."""
        if self.json:
            print_json(result)
        else:
            self.show(view)


def print_json(value: BaseModel | object) -> None:
    """Write one JSON document to standard output."""
    if isinstance(value, BaseModel):
        print(value.model_dump_json(indent=2), flush=True)
    else:
        print(json.dumps(value, indent=2), flush=True)


@contextmanager
def command(*, json: bool, aside: bool = False) -> Iterator[Output]:
    """The frame of every command: what people can mend is said, and no traceback is shown.

    ``json`` and ``aside`` are those of ``Output``. Raises typer.Exit with the fitting code for
    errors that are known.
    """
    output = Output(json=json, aside=aside)
    try:
        yield output
    except DiagnosticsError as error:
        _fail(output, [_diagnostic(each) for each in error.diagnostics], diagnostics_view(error))
        raise typer.Exit(ExitCode.BAD_INPUT) from error
    except ProblemError as error:
        message, fix = error.message, error.fix
        _fail(output, [{"message": message, "fix": fix}], problem_view(message, fix))
        bad_input = isinstance(error, BadInputError)
        raise typer.Exit(ExitCode.BAD_INPUT if bad_input else ExitCode.FAILED) from error


def _fail(output: Output, errors: list[dict[str, object]], view: RenderableType) -> None:
    if output.json:
        print_json({"errors": errors})
    else:
        show(output.errors, view)


def _diagnostic(diagnostic: Diagnostic) -> dict[str, object]:
    place = diagnostic.place
    return {
        "file": str(place.file),
        "line": place.line,
        "column": place.column,
        "length": place.length,
        "message": diagnostic.message,
        "fix": diagnostic.fix,
        "rule": diagnostic.rule,
    }
