"""What is wrong, and how to mend it."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from questv.diagnostics import Diagnostic, DiagnosticsError
from questv.view.terminal import printable
from questv.view.units import count

_HANG = 4  # columns that the rest of a sentence is moved to the right


def problem_view(message: str, fix: str) -> RenderableType:
    """Something wrong that has no place in a file."""
    said = _Sentence(f"error: {printable(message)}", "bold red")
    return _Lines(said, _Sentence(f"  fix: {printable(fix)}"))


def diagnostics_view(error: DiagnosticsError) -> RenderableType:
    """Everything that is wrong with what was written, in the order of the file."""
    parts: list[RenderableType] = []
    for diagnostic in error.diagnostics:
        parts += [*_diagnostic(diagnostic), ""]
    return _Lines(*parts, Text(count(len(error.diagnostics), "error"), "bold red"))


def _diagnostic(diagnostic: Diagnostic) -> list[RenderableType]:
    """As it renders itself, but for the colours; of source lines nothing is ever wrapped."""
    first, *source, fix = printable(diagnostic.render()).split("\n")
    quoted = [Text(line, "red" if set(line) <= {" ", "^"} else "") for line in source]
    return [_Sentence(first, "bold red"), *quoted, _Sentence(fix)]


class _Lines:
    """Lines below each other, which carets may point into."""

    def __init__(self, *lines: RenderableType) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = options.update(no_wrap=True, overflow="ignore")
        for line in self._lines:
            yield from console.render(line, whole)


class _Sentence:
    """A sentence: wrapped at the width of a terminal, and one line where there is none."""

    def __init__(self, text: str, style: str = "") -> None:
        self._text, self._style = text, style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = Text(self._text, self._style)
        if not console.is_terminal:
            yield text
            return
        first = True
        for line in text.wrap(console, max(options.max_width - _HANG, 1), no_wrap=False):
            line.rstrip()
            yield line if first else Text.assemble(" " * _HANG, line)
            first = False
