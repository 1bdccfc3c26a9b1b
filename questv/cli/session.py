"""One run of a machine, from its start to all that can be known of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from questv.boot.serial import EXIT_BOOT_FAILED
from questv.cli.ending import Request, ending_on_request
from questv.cli.inputs import BoundInput
from questv.cli.start import StartOptions, asked_machine, started
from questv.cli.target import Target
from questv.cli.watch import Watch, Watcher
from questv.inspect.inspector import Inspector
from questv.inspect.model import ConsoleReport, Snapshot
from questv.inspect.report import Outcome
from questv.machine import (
    Exit,
    ExitKind,
    Machine,
)
from questv.machine.contents import Progress
from questv.monitor.end import EXIT_RUN_ENDED

PATIENCE = 30.0
"""Seconds that a boot may take, and that a run may go on after its time is over."""

GUEST_PATIENCE = 500_000_000
"""How long a deterministic run may go on after its time is over, in nanoseconds of its own clock.

The host's clock says nothing of that. A kernel ends by itself at once, and the monitors end the run
a tenth of a second later, unless all kernels hang.
"""

CLOCK_INTERVAL = 10.0
"""Seconds between two questions for that clock."""

_SHORTEST_PAUSE = 0.001  # between two looks, while there is something new
_LONGEST_PAUSE = 0.010


@dataclass(frozen=True)
class Ending:
    """How a run ended. ``detail`` is a line for people, ``signal`` that of the operator's."""

    outcome: Outcome
    detail: str
    signal: int | None = None


@dataclass(frozen=True)
class Finished:
    """A run that is over; ``seconds`` is how long the host took for it."""

    ending: Ending
    snapshot: Snapshot
    console: tuple[ConsoleReport, ...]
    seconds: float


def run_session(
    target: Target,
    inputs: Sequence[BoundInput],
    options: StartOptions,
    watcher: Watcher,
    progress: Progress | None = None,
) -> Finished:
    """Run ``target`` to its end, or until somebody asks this process to end.

    ``progress`` is told how far the copying of inputs is. Raises MachineError if the machine can't
    be started, and Interrupted if the request comes before it has.
    """
    with started(target, inputs, options, progress) as machine:
        return _Session(machine, target, options, watcher).run()


class _Session:
    """A machine that has just started."""

    def __init__(
        self, machine: Machine, target: Target, options: StartOptions, watcher: Watcher
    ) -> None:
        self._started = time.monotonic()
        self._asked_for_clock = self._started
        self._machine = machine
        self._options = options
        self._asked = asked_machine(target, options)
        self._inspector = Inspector(target.plan, target.programs, machine.memory)
        self._watch = Watch(self._inspector, self._asked, watcher)

    def run(self) -> Finished:
        """Watch the machine until its end."""
        with ending_on_request() as request:
            ending = self._watch_to_the_end(request)
            self._watch.look(is_last=True)
            return Finished(
                ending=ending,
                snapshot=self._inspector.snapshot(self._asked),
                console=self._console(),
                seconds=time.monotonic() - self._started,
            )

    def _watch_to_the_end(self, request: Request) -> Ending:
        pause = _SHORTEST_PAUSE
        while True:
            try:
                return self._ending(self._machine.wait(pause))
            except TimeoutError:
                pass
            if request.number is not None:
                self._machine.stop()
                name = signal.Signals(request.number).name
                return Ending(Outcome.INTERRUPTED, f"by {name}", request.number)
            hung = self._hung()
            if hung is not None:
                self._machine.stop()
                return Ending(Outcome.HUNG, hung)
            pause = _SHORTEST_PAUSE if self._watch.look() else min(2 * pause, _LONGEST_PAUSE)

    def _hung(self) -> str | None:
        """Why it makes no sense to wait longer, if it makes none."""
        seconds = time.monotonic() - self._started
        if not self._watch.all_entered:
            if seconds > PATIENCE:
                return f"the boot is not over after {PATIENCE:.0f} s; {self._last_words()}"
            return None
        if self._options.run_for is None:
            return None
        if self._options.deterministic:
            return self._hung_by_its_clock(self._options.run_for)
        if seconds > self._options.run_for / 1e9 + PATIENCE:
            return f"its time was over {PATIENCE:.0f} s ago, and it still runs"
        return None

    def _hung_by_its_clock(self, run_for: int) -> str | None:
        """The same of a deterministic machine, whose clock is asked for now and then."""
        if time.monotonic() < self._asked_for_clock + CLOCK_INTERVAL:
            return None
        self._asked_for_clock = time.monotonic()
        found = self._machine.guest_seconds()
        if found is None or found * 10**9 < run_for + GUEST_PATIENCE:
            return None
        return "by its own clock its time is over, and it still runs"

    def _ending(self, end: Exit) -> Ending:
        if end.kind is ExitKind.GUEST and end.value == EXIT_RUN_ENDED:
            return Ending(Outcome.ENDED, "as planned")
        if end.kind is ExitKind.GUEST and end.value == EXIT_BOOT_FAILED:
            return Ending(Outcome.BOOT_FAILED, self._last_line() or "it did not say why")
        return Ending(Outcome.MACHINE_FAILED, f"{end.detail}; {self._last_words()}")

    def _last_words(self) -> str:
        line = self._last_line()
        return f"its last words: {line}" if line else "it has said nothing"

    def _last_line(self) -> str:
        """What the boot has said last."""
        lines = self._machine.serial_text().split()
        return " ".join(lines).rpartition("questv: ")[2]

    def _console(self) -> tuple[ConsoleReport, ...]:
        if not self._options.deterministic:
            return self._watch.console()
        # How much the watch has seen depends on the host; what is left in memory does not.
        names = [sandbox.name for sandbox in self._inspector.plan.sandboxes]
        return tuple(self._inspector.console(name) for name in names)
