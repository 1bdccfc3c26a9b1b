"""Looks into a running machine again and again, and tells somebody what is new."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Container, Iterator
from functools import partial
from typing import Protocol

from questv.inspect.inspector import Inspector
from questv.inspect.model import (
    RESTART,
    AskedMachine,
    ConsoleReport,
    CrashReport,
    Line,
    MachineReport,
)
from questv.monitor.interface import SandboxState

_KEPT_LINES = 10_000  # of each sandbox, the newest; a run may last for weeks
_PATIENCE = 0.1  # seconds for a restart; one that takes longer is told before it is over
_RESTARTING = (SandboxState.RESTARTING, SandboxState.ENTERED)  # of a sandbox that had a fault


class Watcher(Protocol):
    """Whoever is told what happens in a machine."""

    def booted(self, machine: MachineReport) -> None:
        """The boot has found out what machine this is; comes before all else."""

    def wrote(self, line: Line) -> None:
        """A sandbox has written a line; of those that are found together the oldest comes first."""

    def lost(self, sandbox: str, lines: int) -> None:
        """A sandbox has written lines that nobody has seen."""

    def crashed(self, sandbox: str, crash: CrashReport, awaited: tuple[str, ...]) -> None:
        """A sandbox's kernel had a fault; all its lines have come before.

        If it is restarted, and that takes no longer than usual, this comes when the next one runs.
        ``awaited`` are those that still have to end before the run does.
        """


class Watch:
    """What has been seen of a machine so far."""

    def __init__(self, inspector: Inspector, asked: AskedMachine, watcher: Watcher) -> None:
        """Look through ``inspector`` at a machine of which ``asked`` was asked."""
        self._inspector = inspector
        self._asked = asked
        self._watcher = watcher
        self._names = [sandbox.name for sandbox in inspector.plan.sandboxes]
        self._booted = False
        self._entered = False
        self._crashes = dict.fromkeys(self._names, 0)
        self._since: dict[str, float] = {}  # when a fault was found that waits for a restart
        self._written = dict.fromkeys(self._names, 0)
        self._lost = dict.fromkeys(self._names, 0)
        self._lines = {name: deque[Line](maxlen=_KEPT_LINES) for name in self._names}

    def look(self, *, is_last: bool = False) -> bool:
        """Tell what is new; whether there was anything. The last look waits for no restart."""
        news = self._look_for_boot()
        # The counts come first: what a sandbox has written before a fault is then there to see.
        counts = {name: self._inspector.crash_count(name) for name in self._names}
        failed = [name for name, count in counts.items() if count > self._crashes[name]]
        waiting = {name for name in failed if not is_last and self._is_restarting(name)}
        lines, lost = self._new_lines(waiting)
        events: list[tuple[int, Callable[[], None]]] = [
            (line.time or 0, partial(self._watcher.wrote, line)) for line in lines
        ]
        for name in failed:
            if name not in waiting:
                events += self._new_faults(name, counts[name])
        for _, tell in sorted(events, key=lambda event: event[0]):
            tell()
        return news or lost or bool(events)

    @property
    def all_entered(self) -> bool:
        """Whether every kernel has been entered: the boot is over."""
        if not self._entered:
            states = [self._inspector.state(name) for name in self._names]
            self._entered = SandboxState.EMPTY not in states
        return self._entered

    def console(self) -> tuple[ConsoleReport, ...]:
        """The lines that were seen, or the newest of them, and how many were lost unseen."""
        return tuple(
            ConsoleReport(
                sandbox=name,
                written=self._written[name],
                lost=self._lost[name],
                lines=tuple(self._lines[name]),
            )
            for name in self._names
        )

    def _look_for_boot(self) -> bool:
        if self._booted:
            return False
        found = self._inspector.found()
        if found is None:
            return False
        self._booted = True
        self._watcher.booted(MachineReport(asked=self._asked, found=found))
        return True

    def _is_restarting(self, name: str) -> bool:
        """Whether to wait for a restart after a fault; one that takes long is not waited for."""
        since = self._since.setdefault(name, time.monotonic())
        state = self._inspector.state(name)
        if state in _RESTARTING and time.monotonic() < since + _PATIENCE:
            return True
        del self._since[name]
        return False

    def _new_faults(self, name: str, count: int) -> Iterator[tuple[int, Callable[[], None]]]:
        """When the first ``count`` faults were, and what tells them, as far as they are new."""
        first, self._crashes[name] = self._crashes[name], count
        for crash in self._inspector.crashes(name):
            if first <= crash.number < count:
                awaited = self._awaited(name, crash)
                yield crash.time or 0, partial(self._watcher.crashed, name, crash, awaited)

    def _awaited(self, name: str, crash: CrashReport) -> tuple[str, ...]:
        """The sandboxes that the run's end waits for, after a crash of the one named."""
        until = self._inspector.plan.until
        return tuple(
            each
            for each in until
            if self._inspector.state(each) < SandboxState.FINISHED
            and (each != name or crash.action == RESTART)
        )

    def _new_lines(self, waiting: Container[str]) -> tuple[list[Line], bool]:
        """The lines that are new, and whether others were lost, which is told at once.

        Those of the sandboxes in ``waiting`` are left for later.
        """
        names = [name for name in self._names if name not in waiting]
        reports = [self._inspector.console(name, self._written[name]) for name in names]
        for report in reports:
            if report.lost:
                self._lost[report.sandbox] += report.lost
                self._watcher.lost(report.sandbox, report.lost)
            self._written[report.sandbox] = report.written
            self._lines[report.sandbox] += report.lines
        lines = [line for report in reports for line in report.lines]
        return lines, any(report.lost for report in reports)
