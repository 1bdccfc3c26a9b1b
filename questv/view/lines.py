"""The sandboxes' consoles, line by line as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from questv.inspect.model import CrashReport, Line
from questv.view.crash import repair_text
from questv.view.terminal import printable, sandbox_colour
from questv.view.units import count, moment

_TIME_WIDTH = len("000.000000")


class LineView:
    """Makes the lines of one system readable beside each other."""

    def __init__(self, tasks: Mapping[str, Sequence[str]]) -> None:
        """Make room for the names in ``tasks``: those of each sandbox's tasks, by its name."""
        self._colours = {name: sandbox_colour(index) for index, name in enumerate(tasks)}
        names = [_writer(sandbox, task) for sandbox in tasks for task in tasks[sandbox]]
        self._width = max(map(len, names), default=0)

    def line(self, line: Line) -> Text:
        """One line: when, who, what. Where it has several lines itself, they stay together."""
        return self._made(line.time, line.sandbox, line.task, Text(printable(line.text)))

    def repaired(self, sandbox: str, crash: CrashReport) -> Text:
        """A fault after which a kernel was restarted, among the lines of others."""
        what = Text(printable(repair_text(crash)), "yellow")
        return self._made(crash.time, sandbox, crash.task, what)

    def lost(self, sandbox: str, number: int) -> Text:
        """That lines of a sandbox came too fast to be read."""
        made = Text(f"{'':{_TIME_WIDTH}}  ", overflow="ignore", no_wrap=True)
        made.append(f"{sandbox:<{self._width}}  ", self._colours[sandbox])
        return made.append(f"({count(number, 'line')} lost: written faster than read)", "dim")

    def _made(self, time: int | None, sandbox: str, task: str | None, what: Text) -> Text:
        first, *rest = what.split("\n", allow_blank=True)
        made = Text(overflow="ignore", no_wrap=True)
        made.append(f"{moment(time):>{_TIME_WIDTH}}  ", "dim")
        made.append(f"{_writer(sandbox, task):<{self._width}}  ", self._colours[sandbox])
        made.append(first)
        for more in rest:
            made.append(f"\n{'':{_TIME_WIDTH + self._width + 4}}").append(more)
        return made


def _writer(sandbox: str, task: str | None) -> str:
    return sandbox if task is None or task == sandbox else f"{sandbox}/{task}"
