"""A task that is a process, and has nothing to do."""

from __future__ import annotations

from questv.process import periodic


@periodic
def come_and_go() -> None:
    """Be released."""
