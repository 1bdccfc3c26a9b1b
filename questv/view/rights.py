"""Who sees what: each stretch of memory, and what each sandbox may do with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from questv.plan.model import Owner, Plan, Region, SandboxPlan, Window
from questv.view.terminal import (
    INDENT,
    add_column,
    heading,
    indented,
    sandbox_colour,
    sandbox_symbol,
    table,
)
from questv.view.units import size

_NOTHING = "-"
_GAP = 2
_FIXED = INDENT + len("0x140000000") + _GAP + len("1023 KiB") + _GAP + _GAP
_NARROWEST_WHAT = 24


@dataclass(frozen=True)
class Party:
    """Somebody who has rights: a name, a symbol for where there is no room for it, a colour."""

    name: str
    symbol: str
    colour: str


@dataclass(frozen=True)
class Piece:
    """A stretch of physical memory in which nobody's rights change.

    ``whose`` says what it belongs to, and ``parts`` what of it this is, if it has parts.
    """

    start: int
    size: int
    whose: str
    parts: tuple[str, ...]
    rights: tuple[str, ...]  # of each party; empty for none

    @property
    def what(self) -> str:
        """What the table calls it."""
        return f"{self.whose}: {', '.join(self.parts)}" if self.parts else self.whose


class PieceTable:
    """One row for each stretch of memory, a column for each party.

    Where there is no room for the parties' names, a column has its symbol; where there is none for
    all columns, there are several tables, and nothing that concerns nobody is shown twice.
    """

    def __init__(self, parties: Sequence[Party], pieces: Sequence[Piece]) -> None:
        """Show ``pieces``, in their order."""
        self._parties = parties
        self._pieces = pieces

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The tables, as wide as there is room."""
        yield heading("Who may do what: r read, w write, x execute")
        everyone = range(len(self._parties))
        names = [party.name for party in self._parties]
        what = max(len(piece.what) for piece in self._pieces)
        if sum(len(name) + _GAP for name in names) <= options.max_width - _FIXED - what:
            yield indented(self._table(everyone, names))
            return
        symbols = [party.symbol for party in self._parties]
        room = options.max_width - _FIXED - min(what, _NARROWEST_WHAT)
        fitting = max(1, room // (max(map(len, ["rw", *symbols])) + _GAP))
        for first in everyone[::fitting]:
            yield indented(self._table(everyone[first : first + fitting], symbols))

    def _table(self, shown: range, labels: Sequence[str]) -> Table:
        made = table("from", "size", "what", numbers=("from", "size"))
        for index in shown:
            add_column(made, labels[index], style=self._parties[index].colour)
        for piece in self._pieces:
            mine = [piece.rights[index] for index in shown]
            if any(mine) or (shown.start == 0 and not any(piece.rights)):
                cells = [Text(rights or _NOTHING, "" if rights else "dim") for rights in mine]
                made.add_row(f"{piece.start:#010x}", size(piece.size), piece.what, *cells)
        return made


class RightsTable(PieceTable):
    """The views of a plan: who sees what of its memory."""

    def __init__(self, plan: Plan) -> None:
        """Show the views of ``plan``; a sandbox's symbol is that of the memory map."""
        parties = [
            Party(sandbox.name, sandbox_symbol(index), sandbox_colour(index))
            for index, sandbox in enumerate(plan.sandboxes)
        ]
        parties += [
            Party(
                f"{sandbox.name} after takeover", f"t{sandbox_symbol(index)}", sandbox_colour(index)
            )
            for index, sandbox in enumerate(plan.sandboxes)
            if sandbox.takeover is not None
        ]
        super().__init__(parties, list(_pieces(plan)))


def _pieces(plan: Plan) -> Iterator[Piece]:
    """All memory of the plan in order, in as few pieces as tell everything; then devices."""
    last: Piece | None = None
    for region in sorted(plan.regions, key=lambda region: region.start):
        for piece in _cut(plan, region):
            if last is not None and _belong_together(last, piece):
                last = _joined(last, piece)
            else:
                if last is not None:
                    yield last
                last = piece
    if last is not None:
        yield last
    for address, window in sorted(_devices(plan.sandboxes).items()):
        yield Piece(address, window.size, window.name, (), _rights(plan, address))


def _cut(plan: Plan, region: Region) -> Iterator[Piece]:
    """A region, cut wherever somebody's window begins or ends."""
    cuts = {region.start, region.end}
    for sandbox in plan.sandboxes:
        for window in (*sandbox.view, *_taken_over(sandbox)):
            cuts |= {window.physical, window.physical + window.size}
    for start, end in pairwise(sorted(cut for cut in cuts if region.start <= cut <= region.end)):
        whose, parts = _named(plan, region, start)
        yield Piece(start, end - start, whose, parts, _rights(plan, start))


def _named(plan: Plan, region: Region, address: int) -> tuple[str, tuple[str, ...]]:
    """Whose a piece of a region is, and what part of that."""
    if region.owner is Owner.HARDWARE:
        return f"tables and maps of {region.of}", ()
    if region.owner is not Owner.SANDBOX:
        return region.name, ()
    window = _window(plan.sandbox(region.of), address)
    part = window.name if window else "free memory"
    kind, space, _ = part.partition(" ")
    return region.of, (_KINDS.get(kind + space, part),)


_KINDS = {"stack ": "stacks", "state ": "states", "kept ": "kept states"}
"""What the parts of a kernel's memory of each kind are called together."""


def _belong_together(first: Piece, second: Piece) -> bool:
    return (
        first.start + first.size == second.start
        and first.whose == second.whose
        and first.rights == second.rights
    )


def _joined(first: Piece, second: Piece) -> Piece:
    parts = tuple(dict.fromkeys([*first.parts, *second.parts]))
    return Piece(first.start, first.size + second.size, first.whose, parts, first.rights)


def _rights(plan: Plan, address: int) -> tuple[str, ...]:
    """Of all sandboxes, and what standbys see besides after a takeover."""
    views = [sandbox.view for sandbox in plan.sandboxes]
    views += [_taken_over(sandbox) for sandbox in plan.sandboxes if sandbox.takeover is not None]
    return tuple(window.rights if (window := _in(view, address)) else "" for view in views)


def _taken_over(sandbox: SandboxPlan) -> tuple[Window, ...]:
    view = () if sandbox.takeover is None else sandbox.takeover.view
    return tuple(window for window in view if window.taken_over)


def _window(sandbox: SandboxPlan, address: int) -> Window | None:
    return _in(sandbox.view, address)


def _in(view: Sequence[Window], address: int) -> Window | None:
    for window in view:
        if window.physical <= address < window.physical + window.size:
            return window
    return None


def _devices(sandboxes: Sequence[SandboxPlan]) -> dict[int, Window]:
    """Devices in anybody's view, by address."""
    return {
        window.physical: window for sandbox in sandboxes for window in sandbox.view if window.device
    }
