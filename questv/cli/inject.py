"""``questv inject``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import typer

from questv.cli.bench import prepared
from questv.cli.output import ExitCode, command
from questv.faults.draw import Draws, draw_fault, draw_moment
from questv.faults.laboratory import Injection, Laboratory
from questv.faults.model import parse_fault, parse_when
from questv.faults.outcome import Outcome
from questv.faults.rows import Row, row_of
from questv.faults.summary import again_line
from questv.inspect.model import Found
from questv.view.faults import injection_view


class InjectionReport(Found):
    """What ``questv inject`` says: the run, and how to have it again."""

    result: Row
    again: str


def inject(
    path: Path,
    *,
    sandbox: str,
    fault: str,
    at: str | None,
    seed: int,
    inputs: Sequence[str],
    run_for: str | None,
    json: bool,
) -> None:
    """Run a system once with a fault, and say what came of it; exit code 1 for an escape."""
    with command(json=json) as output:
        chosen = parse_fault(fault)
        when = parse_when(at) if at is not None else None
        with prepared(path, inputs, run_for, output) as (_, bench), Laboratory(bench) as laboratory:
            draws = Draws(seed, 0)
            if ":" not in fault:
                chosen = draw_fault(draws, chosen.kind, laboratory.reference(sandbox).used)
            if when is None:
                reference = laboratory.reference(sandbox)
                last = reference.doorbell or reference.instructions
                when = draw_moment(draws, chosen.kind, reference.instructions, last)
            result = laboratory.run(Injection(sandbox, chosen, when), explain=True)
        row = row_of(0, result)
        again = again_line(shlex.join(command_words(path, inputs, run_for)), row)
        output.result(
            InjectionReport(result=row, again=again),
            injection_view(row, result.crash, again),
        )
        if row.outcome is Outcome.ESCAPE:
            raise typer.Exit(ExitCode.FAILED)


def command_words(path: Path, inputs: Sequence[str], run_for: str | None) -> list[str]:
    """The command for a run like this, but for its fault."""
    words = ["questv", "inject", str(path)]
    for each in inputs:
        words += ["--input", each]
    if run_for is not None:
        words += ["--for", run_for]
    return words
