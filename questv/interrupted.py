"""A request to end this process, on its way to whoever ends it."""

from __future__ import annotations

_EXIT_CODE_BASE = 128  # what shells report for a process that a signal ended


class Interrupted(BaseException):
    """Somebody wants this process to end; no plain ``except Exception`` may stop that."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        self.number = number
        super().__init__(number)

    @property
    def exit_code(self) -> int:
        """The code to leave with."""
        return _EXIT_CODE_BASE + self.number
