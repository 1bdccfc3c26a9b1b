"""Which locals certainly have a value at each point, and which points can be reached at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

State = frozenset[str] | None
"""The names that are assigned on every path to a point; None if no path leads there."""


class Flow:
    """The state at the point that the checker has come to."""

    def __init__(self) -> None:
        """Start where a function does: reachable, nothing assigned."""
        self.state: State = frozenset()
        self._breaks: list[list[State]] = []

    @property
    def reachable(self) -> bool:
        """Whether any path leads here."""
        return self.state is not None

    def assigned(self, name: str) -> bool:
        """Whether ``name`` certainly has a value here."""
        return self.state is None or name in self.state

    def assign(self, *names: str) -> None:
        """Note that ``names`` have values from here on."""
        if self.state is not None:
            self.state = self.state | set(names)

    def stop(self) -> None:
        """Note that control does not go on from here."""
        self.state = None

    def leave_loop(self) -> None:
        """Note a ``break``."""
        self.may_leave_loop()
        self.state = None

    def may_leave_loop(self) -> None:
        """Note that the loop may end here, and may go on."""
        self._breaks[-1].append(self.state)

    @contextmanager
    def loop(self, ended: State) -> Iterator[None]:
        """A loop's body; afterwards the state is that of whatever follows the loop.

        ``ended`` is the state when the loop's own test ends it, None if that never happens.
        """
        self._breaks.append([])
        yield
        self.state = merge(ended, *self._breaks.pop())


def merge(*states: State) -> State:
    """The state where several paths meet."""
    alive = [state for state in states if state is not None]
    return frozenset.intersection(*alive) if alive else None
