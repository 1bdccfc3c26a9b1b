"""Rules on cores: each sandbox runs alone on one."""

from __future__ import annotations

from collections.abc import Iterator

from questv.diagnostics import Diagnostic
from questv.system.draft import Draft, repeated

CORES = 64
"""How many cores a plan can have: a set of them fits one 64-bit word."""


def core_range(draft: Draft) -> Iterator[Diagnostic]:
    """Cores are numbered from 0, and so few that a set of them fits one 64-bit word."""
    for sandbox in draft.sandboxes:
        core = sandbox.item.core
        if core is not None and not 0 <= core < CORES:
            yield Diagnostic(
                sandbox.value("core"),
                f"there is no core {core}: cores are 0 to {CORES - 1}",
                "name one of these, or leave the key out and have a free one chosen",
                "core-range",
            )


def core_taken(draft: Draft) -> Iterator[Diagnostic]:
    """A core runs one kernel: two could neither be kept apart nor keep their deadlines."""
    for first, again in repeated(draft.sandboxes, lambda sandbox: sandbox.item.core):
        yield Diagnostic(
            again.value("core"),
            f'core {again.item.core} of "{again.item.name}" is that of "{first.item.name}" '
            f"(line {first.line}) too",
            "name another core, or leave the key out and have a free one chosen",
            "core-taken",
        )


def cores_exhausted(draft: Draft) -> Iterator[Diagnostic]:
    """A sandbox that names no core still needs one for itself."""
    for sandbox, core in zip(draft.sandboxes, draft.system.cores(), strict=True):
        if sandbox.item.core is None and core >= CORES:
            yield Diagnostic(
                sandbox.value("name"),
                f'no core is left for "{sandbox.item.name}": the others take 0 to {CORES - 1}',
                f"describe at most {CORES} sandboxes",
                "cores-exhausted",
            )


RULES = (core_range, core_taken, cores_exhausted)
