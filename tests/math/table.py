"""Measures a million results of each function and writes the table of docs/math.md.

``python -m tests.math.table`` does it; that takes a minute or two.
"""

from __future__ import annotations

import sys
import tempfile
from array import array
from pathlib import Path

from tests.metal.loading import Workshop

from .catalogue import FUNCTIONS, Function
from .compiled import Compiled
from .long_double import LongDouble
from .test_accuracy import SMALLEST_NORMAL, columns
from .true_values import F64

PAGE = Path(__file__).parents[2] / "docs" / "math.md"
HEAD = "| function | for | error at most | worst error seen | instructions at most |\n"
_RULE = "|---|---|---|---|---|\n"
_INPUTS = 1_000_000


def claimed(function: Function) -> tuple[str, str, str, str]:
    """The cells of a function's line, but for what is measured."""
    error = {0: "exact", 0.5: "correctly rounded"}.get(function.error, f"{function.error:.2f}")
    return f"`{function.name}`", function.domain, error, str(function.instructions)


def _measured(compiled: Compiled, library: LongDouble, function: Function) -> str:
    if not function.error:
        return ""
    worst = 0.0
    for draw in range(len(function.draws)):
        given = columns(function, draw, _INPUTS // len(function.draws))
        found = compiled.column(function.name, given)
        normal = [i for i, result in enumerate(found) if not 0 < abs(result) < SMALLEST_NORMAL]
        kept = [array("d", [column[i] for i in normal]) for column in (*given, found)]
        worst = max(worst, library.worst(function.name, kept[:-1], kept[-1], F64).error)
    return f"{worst:.3f}"


def main() -> None:
    """Write the table in place of the one that the page has."""
    library = LongDouble({f.name: f.arity for f in FUNCTIONS if f.error})
    lines = [HEAD, _RULE]
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        compiled = Compiled(workshop)
        for function in FUNCTIONS:
            name, domain, error, instructions = claimed(function)
            seen = _measured(compiled, library, function)
            lines.append(f"| {name} | {domain} | {error} | {seen} | {instructions} |\n")
            print(lines[-1], end="", file=sys.stderr)
        workshop.close()
    before, _, after = PAGE.read_text(encoding="utf-8").partition(HEAD)
    rest = after.partition("\n\n")[2]
    PAGE.write_text(f"{before}{''.join(lines)}\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()
