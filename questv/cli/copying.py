"""Shows how far the copying of big inputs is."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

_BIG = 64 << 20
"""Less than this many bytes are copied before anybody could read about it."""


class CopyProgress:
    """A bar on a terminal; nothing elsewhere. A context manager that removes the bar."""

    def __init__(self, console: Console) -> None:
        """Show the bar on ``console``, once there is something to show."""
        self._watched = console.is_terminal
        self._bar = Progress(
            TextColumn("copying inputs"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("copying", total=None)
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` bytes are copied."""
        if not self._watched or total < _BIG:
            return
        if not self._shown:
            self._shown = True
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)
        if done == total:
            self._remove()

    def __enter__(self) -> CopyProgress:
        """Give this progress."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the bar if it is still there."""
        self._remove()

    def _remove(self) -> None:
        if self._shown:
            self._bar.stop()
