"""``questv inject``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import typer

from questv.cli.bench import prepared
from questv.cli.output import ExitCode, command
from questv.faults.draw import Draws, draw_fault
from questv.faults.laboratory import Injection, Laboratory
from questv.faults.model import Count, parse_fault, parse_when
from questv.faults.outcome import Outcome
from questv.faults.rows import Row, row_of
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
                chosen = draw_fault(draws, chosen.kind, laboratory.targets(sandbox))
            if when is None:
                instructions = laboratory.reference(sandbox).instructions
                when = Count(1 + draws.below(instructions))
            result = laboratory.run(Injection(sandbox, chosen, when), explain=True)
        row = row_of(0, result)
        again = again_line(path, row, inputs, run_for)
        output.result(
            InjectionReport(result=row, again=again),
            injection_view(row, result.crash, again),
        )
        if row.outcome is Outcome.ESCAPE:
            raise typer.Exit(ExitCode.FAILED)


def again_line(path: Path, row: Row, inputs: Sequence[str], run_for: str | None) -> str:
    """The command that makes this run again."""
    words = ["questv", "inject", str(path), "--sandbox", row.sandbox]
    words += ["--fault", row.fault, "--at", row.at]
    for each in inputs:
        words += ["--input", each]
    if run_for is not None:
        words += ["--for", run_for]
    return shlex.join(words)
