"""What goes wrong outside any file that a person wrote: QEMU, the host's room, an image."""

from __future__ import annotations

from questv.diagnostics import ProblemError


class MachineError(ProblemError):
    """A machine can't be started or looked at."""
