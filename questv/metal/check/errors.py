"""How a check gives up on a statement."""

from __future__ import annotations


class AbandonedError(Exception):
    """Ends the check of one statement, after its error was noted."""
