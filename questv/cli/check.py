"""``questv check``."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group

from questv.cli.output import command
from questv.cli.target import build_system
from questv.system.promises import promises
from questv.view.plan import plan_view
from questv.view.promises import promises_json, promises_view


def check(system: Path, *, json: bool) -> None:
    """Find everything that is wrong with a system, or else show its plan and what it promises."""
    with command(json=json) as output:
        built = build_system(system, output, checks=False)
        plan, analysis = built.plan, promises(built.description)
        told = plan.model_dump(mode="json")
        if any(each.responses for each in analysis.kernels):
            told["promises"] = promises_json(analysis)
        output.result(told, Group(plan_view(plan), promises_view(analysis, plan.sandboxes)))
