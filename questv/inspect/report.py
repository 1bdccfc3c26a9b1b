"""What stays of a run: everything that was found, and nothing of the host that ran it.

Two deterministic runs of the same image, inputs and options have the same report, byte for byte.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from questv.diagnostics import BadInputError
from questv.inspect.model import ConsoleReport, Found, Snapshot


class Outcome(StrEnum):
    """How a run ended."""

    ENDED = "ended"
    """As planned: the sandboxes that it was to wait for have ended."""
    BOOT_FAILED = "boot failed"
    INTERRUPTED = "interrupted"
    """The operator ended it."""
    HUNG = "hung"
    """It gave no sign of life, or did not stop when its time was over."""
    MACHINE_FAILED = "machine failed"
    """The machine ended in another way: a reset, or a failure of the emulator."""


class InputReport(Found):
    """A file that was in a sandbox's memory; ``bytes`` is its size."""

    name: str
    bytes: int


class ExpectationReport(Found):
    """Something that was expected of the run, and whether it came."""

    name: str
    met: bool
    detail: str


class RunReport(Snapshot):
    """A run and its end. ``image`` is the image's SHA-256, ``detail`` a line on the outcome."""

    format: Literal[1] = 1
    image: str
    outcome: Outcome
    detail: str
    inputs: tuple[InputReport, ...]
    console: tuple[ConsoleReport, ...]
    expectations: tuple[ExpectationReport, ...]

    @property
    def booted(self) -> bool:
        """Whether the boot came to its end, so that there is something to tell of sandboxes."""
        return self.outcome is not Outcome.BOOT_FAILED and self.machine.found is not None

    @property
    def succeeded(self) -> bool:
        """Whether it ended as planned, nothing crashed or failed, and all expected came."""
        return (
            self.outcome is Outcome.ENDED
            and not self.crashed
            and not self.failed
            and all(expectation.met for expectation in self.expectations)
        )


class ReportError(BadInputError):
    """A file that is no report."""


def read_report(path: Path) -> RunReport:
    """The report in a file; raises ReportError."""
    try:
        return RunReport.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReportError(f"can't read {path}: {error.strerror}", "name a report") from error
    except ValidationError as error:
        raise ReportError(
            f"{path} is no report of a run", "make one: questv run SYSTEM --report FILE.json"
        ) from error
