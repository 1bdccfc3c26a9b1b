"""Shows a run while it goes on."""

from __future__ import annotations

from rich.text import Text

from questv.cli.output import Output
from questv.inspect.model import FAIL_OVER, RESTART, CrashReport, Line, MachineReport
from questv.plan.model import Plan
from questv.view.crash import crash_view
from questv.view.lines import LineView
from questv.view.snapshot import interrupts_view, machine_view


class Display:
    """A ``Watcher`` that shows everything to people."""

    def __init__(self, plan: Plan, output: Output) -> None:
        """Show a run of ``plan`` on ``output``."""
        self._output = output
        self._lines = LineView(
            {sandbox.name: [task.name for task in sandbox.tasks] for sandbox in plan.sandboxes}
        )
        self._apart = True  # the next line is to be set apart from what is above it

    def booted(self, machine: MachineReport) -> None:
        """Say what machine it is."""
        self._output.show(machine_view(machine), interrupts_view(machine))

    def wrote(self, line: Line) -> None:
        """Show a line."""
        self._show_line(self._lines.line(line))

    def lost(self, sandbox: str, lines: int) -> None:
        """Say that lines are lost."""
        self._show_line(self._lines.lost(sandbox, lines))

    def crashed(self, sandbox: str, crash: CrashReport, awaited: tuple[str, ...]) -> None:
        """Show what happened: in a line if it was repaired, with everything if not.

        A whole crash record stands apart from the lines around it, with what the run waits for.
        """
        if crash.action == RESTART:
            self._show_line(self._lines.repaired(sandbox, crash))
            return
        self._output.show("", crash_view(sandbox, crash))
        if awaited and crash.action != FAIL_OVER:
            names = " and ".join(awaited)
            line = f"the run goes on until the end of {names}; Ctrl-C ends it now"
            self._output.show("", f"{line}, --for TIME limits it")
        self._apart = True

    def _show_line(self, line: Text) -> None:
        self._output.show(*([""] if self._apart else []), line)
        self._apart = False
