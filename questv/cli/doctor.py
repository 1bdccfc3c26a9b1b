"""``questv doctor``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from questv.cli.output import ExitCode, command
from questv.machine import State, host_checks
from questv.view.checks import checks_view


def doctor(*, json: bool) -> None:
    """Show what this host has of what Quest-V needs; exit code 1 if something is missing."""
    with command(json=json) as output:
        checks = host_checks()
        output.result([asdict(check) for check in checks], checks_view(checks))
        if any(check.state is State.MISSING for check in checks):
            raise typer.Exit(ExitCode.FAILED)
