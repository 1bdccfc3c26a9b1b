"""What a check of a run is written with.

The description names a function, ``expect = "expect:check"``, which runs on the host after each
run::

    def check(run: RunResult) -> Iterator[Expectation]:
        lines = [line.text for line in run.console("report")]
        yield Expectation("a greeting", "hello" in lines, f"{len(lines)} lines were written")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from questv.inspect.model import Line
from questv.inspect.report import RunReport


@dataclass(frozen=True)
class Expectation:
    """Something that a run should do: its ``name``, whether it was ``met``, and what was found."""

    name: str
    met: bool
    detail: str = ""


@dataclass(frozen=True)
class RunResult:
    """A run that has ended.

    ``report`` is all that was found, still without expectations; ``inputs`` has the files by the
    names of their inputs.
    """

    report: RunReport
    inputs: Mapping[str, Path]

    def console(self, sandbox: str) -> tuple[Line, ...]:
        """The lines that a sandbox wrote, as far as they were seen, the newest 10,000 at most.

        In a deterministic run these are the last 64, whatever the host has seen meanwhile. Raises
        KeyError if there is no such sandbox.
        """
        for each in self.report.console:
            if each.sandbox == sandbox:
                return each.lines
        raise KeyError(sandbox)


__all__ = ["Expectation", "RunResult"]
