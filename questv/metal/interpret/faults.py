"""How a run can end otherwise than by returning."""

from __future__ import annotations

from questv.metal.interpret.events import Site
from questv.metal.tree import TrapKind


class Trapped(Exception):  # noqa: N818 - it reports what interpreted code did
    """The code stopped itself, for the reason ``kind``, at ``site``."""

    def __init__(self, kind: TrapKind, site: Site) -> None:
        """Carry the reason and the place."""
        self.kind, self.site = kind, site
        super().__init__(f"{kind.words}: {site}")


class MemoryFault(Exception):  # noqa: N818 - it reports what interpreted code did
    """An access outside of what is mapped, or a write to what can't be written."""


class EndlessError(Exception):
    """The run has taken more steps than it was given."""


class UnsupportedError(Exception):
    """The code does what the abstract machine has no notion of."""
