"""How Quest-V tells a person what is wrong, and what to do about it.

One shape for all that they wrote, source code and system descriptions alike: the first line is
``file:line:column: what is wrong [rule]``, then the source line with a caret, then how to mend it.
What has no such place is a ``ProblemError``: what is wrong, and how to mend it.
Nothing here prints: the callers decide where the text goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Place:
    """A stretch of one line of a text file.

    ``line`` and ``column`` count from 1, ``length`` is in characters. ``line`` 0 stands for the
    file as a whole (it is missing, or not readable as text).
    """

    file: Path
    line: int = 0
    column: int = 1
    length: int = 1


@dataclass(frozen=True, order=True)
class Diagnostic:
    """One thing that is wrong: where, what, and how to mend it.

    ``rule`` is the stable name of the rule that was broken, as the documentation lists it.
    """

    place: Place
    message: str
    fix: str
    rule: str

    def render(self) -> str:
        """The text for a person: three to four lines, no trailing newline."""
        place = self.place
        where = f"{place.file}:{place.line}:{place.column}" if place.line else f"{place.file}"
        lines = [f"{where}: {self.message} [{self.rule}]"]
        source = source_line(place.file, place.line)
        if source is not None:
            stripped = source.lstrip()
            indent = max(0, place.column - 1 - (len(source) - len(stripped)))
            length = max(1, min(place.length, len(source) - place.column + 1))
            # Tabs before the caret are the same as above it, however wide they are shown.
            blank = "".join(char if char == "\t" else " " for char in stripped[:indent])
            lines.append(f"    {stripped.rstrip()}")
            lines.append(f"    {blank:<{indent}}{'^' * length}")
        lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class DiagnosticsError(Exception):
    """Raised when something a person wrote can't be used; carries every finding, in file order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keep ``diagnostics``, each once, sorted by file, line and column."""
        self.diagnostics = sorted(set(diagnostics))
        super().__init__(self.render())

    def render(self) -> str:
        """All findings as text for a person, a blank line between two."""
        return "\n\n".join(diagnostic.render() for diagnostic in self.diagnostics)


class ProblemError(Exception):
    """Something that a person can mend, outside any file that they wrote: this host, say."""

    def __init__(self, message: str, fix: str) -> None:
        """Keep ``message`` (what is wrong) and ``fix`` (what the person can do), each one line."""
        self.message = message
        self.fix = fix
        super().__init__(message, fix)

    def __str__(self) -> str:
        """Both parts as text for a person, no trailing newline."""
        return f"{self.message}\n  fix: {self.fix}"


class BadInputError(ProblemError):
    """What was typed, or a file that was named, can't be used."""


def source_line(file: Path, line: int) -> str | None:
    """Line ``line`` of ``file`` without its newline, or None if there is no such line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    lines = text.split("\n")  # splitlines() would also split where Python's and TOML's lines go on
    return lines[line - 1] if 1 <= line <= len(lines) else None
