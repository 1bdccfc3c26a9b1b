"""``questv check``."""

from __future__ import annotations

from pathlib import Path

from questv.cli.output import command
from questv.cli.target import build_system
from questv.view.plan import plan_view


def check(system: Path, *, json: bool) -> None:
    """Find everything that is wrong with a system, or else show its plan."""
    with command(json=json) as output:
        plan = build_system(system, output, checks=False).plan
        output.result(plan, plan_view(plan))
