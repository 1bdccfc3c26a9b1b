"""Where output goes, and what makes text safe to be shown there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, TextIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

PIPED_WIDTH = 100
"""Columns where there is no terminal that has any."""

INDENT = 2
"""Columns that what belongs to a heading is moved to the right."""

_GAP = 2
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green")
_SYMBOLS = "0123456789ACDEFGHIJKLMNOPQRSTUVWXYZabcdefghjklnopqrsuvwxyz@#$%&*+"


def terminal(stream: TextIO) -> Console:
    """A console on ``stream``, as wide as the terminal there, or PIPED_WIDTH without one."""
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def show(console: Console, *parts: RenderableType) -> None:
    """Print ``parts`` below each other, nothing of them cut, no spaces at the ends of lines."""
    with console.capture() as capture:
        for part in parts:
            console.print(unbroken(part), crop=False)
    text = "\n".join(line.rstrip() for line in capture.get().splitlines())
    console.file.write(f"{text}\n")
    console.file.flush()


def sandbox_colour(index: int) -> str:
    """The colour of a sandbox, by its index in the plan; neighbours differ."""
    return _COLOURS[index % len(_COLOURS)]


class Named(Protocol):
    """Whatever has a name: a sandbox of a plan, or one of a report."""

    @property
    def name(self) -> str:
        """The name."""
        ...


def sandbox_name(sandboxes: Sequence[Named], name: str) -> Text:
    """The name of one of ``sandboxes``, which are in the order of the plan, in its colour."""
    index = [sandbox.name for sandbox in sandboxes].index(name)
    return Text(name, sandbox_colour(index))


def sandbox_symbol(index: int) -> str:
    """The character that stands for a sandbox where there is no room for its name."""
    return _SYMBOLS[index]


def printable(text: str) -> str:
    """``text`` with everything that a terminal would obey made visible; line ends stay."""
    return "".join(_printable(character) for character in text.expandtabs())


def _printable(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def heading(text: str) -> Text:
    """A line that begins a section."""
    return Text(text, style="bold")


def indented(part: RenderableType) -> RenderableType:
    """A part below its heading."""
    return _Block(part, INDENT)


def unbroken(part: RenderableType) -> RenderableType:
    """A part that stands for itself."""
    return _Block(part, 0)


class _Block:
    """A part whose lines may be longer than the terminal is wide: nothing of them is cut off."""

    def __init__(self, part: RenderableType, indent: int) -> None:
        self._part = part
        self._indent = indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.update(max_width=options.max_width - self._indent)
        for line in Segment.split_lines(console.render(self._part, room)):
            yield Segment(" " * self._indent)
            yield from line
            yield Segment.line()


class WordTable(Table):
    """A table that wraps lines between words, and never within one.

    Where not all columns have room beside each other, some come in a table of their own below it;
    the first ``keys`` columns, which say what a row is about, are in each.
    """

    keys: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or its parts below each other."""
        parts = list(self._parts(options.max_width))
        if len(parts) == 1:
            self._fit(options.max_width)
            yield from super().__rich_console__(console, options)
            return
        for columns in parts:
            part = _bare_table(show_header=self.show_header)
            part.columns = [replace(column, _index=index) for index, column in enumerate(columns)]
            part.rows = self.rows
            yield part

    def _parts(self, width: int) -> Iterator[list[Column]]:
        """The columns that can stand beside each other in ``width``."""
        keys, rest = self.columns[: self.keys], self.columns[self.keys :]
        part = list(keys)
        for column in rest:
            if len(part) > len(keys) and _width([*part, column]) > width:
                yield part
                part = list(keys)
            part.append(column)
        yield part

    def _fit(self, width: int) -> None:
        """Say how wide each column is: as its cells are, or less where that is too much.

        Of columns that could wrap rich would make any narrower, even those with one word in a cell.
        """
        excess = -width - _GAP
        for column in self.columns:
            cells = [*column.cells, *([column.header] if self.show_header else [])]
            lines = [line for cell in cells for line in str(cell).split("\n")]
            column.width = max(map(cell_len, lines), default=0)
            excess += column.width + _GAP
        for column in sorted(self.columns, key=_slack, reverse=True):
            cut = max(0, min(excess, _slack(column)))
            column.width = (column.width or 0) - cut
            excess -= cut

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row of strings and texts."""
        super().add_row(*cells, **options)
        for column, cell in zip(self.columns, cells, strict=True):
            column.min_width = max(column.min_width or 0, _least_width(str(cell), column))


def table(
    *columns: str, numbers: tuple[str, ...] = (), header: bool = True, keys: int = 1
) -> WordTable:
    """An empty table without lines; the columns in ``numbers`` are right-justified.

    The first ``keys`` columns say what a row is about.
    """
    made = _bare_table(show_header=header)
    made.keys = keys
    for name in columns:
        add_column(made, name, number=name in numbers)
    return made


def _bare_table(*, show_header: bool) -> WordTable:
    made = WordTable(
        box=None,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
        header_style="dim",
        show_header=show_header,
    )
    made.keys = 0
    return made


def add_column(to: WordTable, name: str, *, number: bool = False, style: str = "") -> None:
    """Add a column; a right-justified one if it has numbers."""
    to.add_column(
        name, justify="right" if number else "left", no_wrap=number, overflow="fold", style=style
    )
    column = to.columns[-1]
    column.min_width = _least_width(name, column) if to.show_header else 0


def _slack(column: Column) -> int:
    """How much narrower a column could be."""
    return (column.width or 0) - (column.min_width or 0)


def _width(columns: Sequence[Column]) -> int:
    """The columns of a terminal that a table takes at least."""
    return sum(column.min_width or 0 for column in columns) + _GAP * (len(columns) - 1)


def _least_width(text: str, column: Column) -> int:
    """The columns that ``text`` takes at least: all of it, or its longest word."""
    parts = text.split("\n") if column.no_wrap else text.split()
    return max(map(cell_len, parts), default=0)
