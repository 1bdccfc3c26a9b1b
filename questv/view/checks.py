"""What this host has of what Quest-V needs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from questv.machine import Check, State
from questv.view.terminal import table, unbroken

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.MISSING: "bold red"}


def checks_view(checks: Sequence[Check]) -> RenderableType:
    """The checks as a table; what to do about them below, so that commands can be copied."""
    made = table("check", "state", "found")
    for check in checks:
        made.add_row(check.name, Text(check.state, _STYLES[check.state]), check.found)
    parts: list[RenderableType] = [unbroken(made)]
    wanting = [check for check in checks if check.fix]
    if wanting:
        parts += ["", Text("To mend it:", "bold")]
    for check in wanting:
        parts.append(Text(f"{check.name}: {check.fix}", no_wrap=True, overflow="ignore"))
    return Group(*parts)
