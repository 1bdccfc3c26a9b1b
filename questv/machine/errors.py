"""What goes wrong outside any file that a person wrote: QEMU, the host's room, an image."""

from __future__ import annotations


class MachineError(Exception):
    """A machine can't be started or looked at; says why, and what to do about it."""

    def __init__(self, message: str, fix: str) -> None:
        """Keep ``message`` (what is wrong) and ``fix`` (what the person can do), each one line."""
        self.message = message
        self.fix = fix
        super().__init__(message, fix)

    def __str__(self) -> str:
        """Both parts as text for a person, no trailing newline."""
        return f"{self.message}\n  fix: {self.fix}"
