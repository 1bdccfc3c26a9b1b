"""Physical memory, drawn to scale: one character for each stretch of it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.table import Table
from rich.text import Text

from questv.arch.x86.paging import PAGE_SIZE
from questv.plan.addresses import MSR_MAPS
from questv.plan.model import Owner, Plan, Region, SandboxPlan
from questv.view.terminal import INDENT, heading, indented, sandbox_colour, sandbox_symbol, table
from questv.view.units import size

_MOST_ROWS = 32
_ROW_LENGTHS = (64, 32, 16, 8)
_LABEL_WIDTH = 12

_BOOT, _MONITOR, _TABLES, _CHANNEL, _INPUT, _TASK, _FREE = "B", "m", "t", "=", "i", "~", "."
_HEARTBEAT = "v"
_WORDS = {
    _BOOT: "the boot",
    _MONITOR: "monitors",
    _TABLES: "nested tables, monitors' page tables, permission maps",
    _CHANNEL: "channels",
    _INPUT: "inputs",
    _TASK: "tasks that move",
    _HEARTBEAT: "heartbeats",
    _FREE: "free",
}


@dataclass(frozen=True)
class _Run:
    """A stretch of memory [start, end), and how each character for it looks."""

    start: int
    end: int
    symbol: str
    style: Style


class MemoryMap:
    """The map of a plan's memory below 4 GiB, with a legend that names what is above as well.

    A stretch of one kind that would fill several rows is shown by its first row and its length.
    """

    def __init__(self, plan: Plan) -> None:
        """Draw the memory of ``plan``."""
        self._plan = plan
        self._runs = list(_runs(plan))
        self._starts = [run.start for run in self._runs]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The map, as wide as there is room."""
        room = options.max_width - _LABEL_WIDTH - INDENT
        length = next((length for length in _ROW_LENGTHS if length <= room), _ROW_LENGTHS[-1])
        cell = PAGE_SIZE
        while len(rows := list(self._rows(cell, length))) > _MOST_ROWS:
            cell *= 2
        yield heading(f"Memory: {size(self._plan.memory)}, one character is {size(cell)}")
        for row in rows:
            yield indented(row)
        yield indented(self._legend())

    # ---- rows --------------------------------------------------------------------------------

    def _rows(self, cell: int, length: int) -> Iterator[Text]:
        row = cell * length
        at = self._starts[0] // row * row
        while at < self._plan.memory:
            yield self._row(at, cell, length)
            alike = self._alike_from(at) // row
            if alike > 2:
                note = f"{size((alike - 1) * row)} more of the same"
                yield Text(f"{'...':<{_LABEL_WIDTH}}{note}", style="dim")
            at += row * (alike if alike > 2 else 1)

    def _alike_from(self, address: int) -> int:
        """How many bytes from ``address`` on are of one kind."""
        run = self._runs[max(0, bisect_right(self._starts, address) - 1)]
        return run.end - address if run.start <= address < run.end else 0

    def _row(self, start: int, cell: int, length: int) -> Text:
        line = Text(no_wrap=True)
        line.append(f"{start:#010x}".ljust(_LABEL_WIDTH), "dim")
        for at in range(start, min(start + cell * length, self._plan.memory), cell):
            run = self._shown(at, at + cell)
            line.append(run.symbol if run else " ", run.style if run else None)
        return line

    def _shown(self, start: int, end: int) -> _Run | None:
        """What takes most of a stretch; free memory is shown where there is nothing else."""
        first = max(0, bisect_right(self._starts, start) - 1)
        shares: Counter[_Run] = Counter()
        for run in self._runs[first : bisect_right(self._starts, end - 1)]:
            share = min(run.end, end) - max(run.start, start)
            if share > 0:
                shares[run] = share if run.symbol != _FREE else 0
        return shares.most_common(1)[0][0] if shares else None

    # ---- the legend --------------------------------------------------------------------------

    def _legend(self) -> Table:
        names = {
            sandbox_symbol(index): f"memory of {sandbox.name}"
            for index, sandbox in enumerate(self._plan.sandboxes)
        }
        total: Counter[str] = Counter()
        for run in self._runs:
            total[run.symbol] += run.end - run.start
        styles = {run.symbol: run.style for run in self._runs if run.symbol in names}
        made = table("symbol", "size", "what", numbers=("size",), header=False)
        for symbol, words in {**names, **_WORDS}.items():
            if total[symbol]:
                made.add_row(Text(symbol, styles.get(symbol, "")), size(total[symbol]), words)
        above = sum(region.size for region in self._plan.regions if not _is_drawn(region))
        made.add_row("", size(above), "above 4 GiB: MSR permission maps, and guards behind them")
        return made


def _runs(plan: Plan) -> Iterator[_Run]:
    """All memory below 4 GiB from the first region to the end, in order."""
    end = None
    for region in sorted(filter(_is_drawn, plan.regions), key=lambda region: region.start):
        if end is not None and end < region.start:
            yield _Run(end, region.start, _FREE, Style(dim=True))
        yield _run(plan, region)
        end = region.end
    if end is not None and end < plan.memory:
        yield _Run(end, plan.memory, _FREE, Style(dim=True))


def _is_drawn(region: Region) -> bool:
    return region.start < MSR_MAPS


def _run(plan: Plan, region: Region) -> _Run:
    names = [sandbox.name for sandbox in plan.sandboxes]
    match region.owner:
        case Owner.SANDBOX:
            index = names.index(region.of)
            style = Style(color=sandbox_colour(index), reverse=True)
            return _Run(region.start, region.end, sandbox_symbol(index), style)
        case Owner.MONITOR | Owner.HARDWARE:
            symbol = _MONITOR if region.owner is Owner.MONITOR else _TABLES
            style = Style(color=sandbox_colour(names.index(region.of)))
            return _Run(region.start, region.end, symbol, style)
        case Owner.INPUT:
            owner = next(each for each in plan.sandboxes if _has_input(each, region))
            style = Style(color=sandbox_colour(names.index(owner.name)))
            return _Run(region.start, region.end, _INPUT, style)
        case Owner.BOOT:
            return _Run(region.start, region.end, _BOOT, Style())
        case Owner.CHANNEL:
            return _Run(region.start, region.end, _CHANNEL, Style(bold=True))
        case Owner.HEARTBEAT:
            return _Run(region.start, region.end, _HEARTBEAT, Style(bold=True))
        case Owner.TASK:
            return _Run(region.start, region.end, _TASK, Style(bold=True))
        case Owner.GUARD:
            raise ValueError("guards are above what is drawn")


def _has_input(sandbox: SandboxPlan, region: Region) -> bool:
    return any(each.name == region.of for each in sandbox.inputs)
