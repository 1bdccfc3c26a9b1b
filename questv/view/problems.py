"""What is wrong, and how to mend it."""

from __future__ import annotations

from rich.text import Text

from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.view.terminal import printable
from questv.view.units import count


def problem_view(message: str, fix: str) -> Text:
    """Something wrong that has no place in a file. Each part stays one line."""
    made = Text(no_wrap=True, overflow="ignore")
    made.append(f"error: {printable(message)}\n", "bold red")
    return made.append(f"  fix: {printable(fix)}")


def diagnostics_view(error: DiagnosticsError) -> Text:
    """Everything that is wrong with what was written, in the order of the file.

    Nothing is wrapped, so that carets stay where they point.
    """
    found = [_diagnostic(diagnostic) for diagnostic in error.diagnostics]
    total = Text(f"\n\n{count(len(found), 'error')}", "bold red")
    return Text.assemble(Text("\n\n").join(found), total, no_wrap=True, overflow="ignore")


def _diagnostic(diagnostic: Diagnostic) -> Text:
    """As it renders itself, but for the colours."""
    first, *rest = printable(diagnostic.render()).split("\n")
    made = Text().append(first, "bold red")
    for line in rest:
        made.append(f"\n{line}", "red" if set(line) <= {" ", "^"} else "")
    return made
