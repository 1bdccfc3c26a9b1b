"""The sandboxes' consoles, line by line as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from questv.inspect.model import Line
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
        who = _writer(line.sandbox, line.task)
        first, *rest = printable(line.text).split("\n")
        made = Text(overflow="ignore", no_wrap=True)
        made.append(f"{moment(line.time):>{_TIME_WIDTH}}  ", "dim")
        made.append(f"{who:<{self._width}}  ", self._colours[line.sandbox])
        made.append(first)
        for more in rest:
            made.append(f"\n{'':{_TIME_WIDTH + self._width + 4}}{more}")
        return made

    def lost(self, sandbox: str, number: int) -> Text:
        """That lines of a sandbox came too fast to be read."""
        made = Text(f"{'':{_TIME_WIDTH}}  ", overflow="ignore", no_wrap=True)
        made.append(f"{sandbox:<{self._width}}  ", self._colours[sandbox])
        return made.append(f"({count(number, 'line')} lost: written faster than read)", "dim")


def _writer(sandbox: str, task: str | None) -> str:
    return sandbox if task is None or task == sandbox else f"{sandbox}/{task}"
