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


def probe(*, json: bool) -> None:
    """Probe the machines of this QEMU; exit code 1 if what isolation rests on does not hold."""
    with command(json=json) as output:
        # The compiler and all of the boot come with these.
        from questv.machine import find_qemu
        from questv.probes.run import platforms
        from questv.view.platform import platforms_view

        qemu = find_qemu()
        found = list(platforms(qemu))
        version = ".".join(map(str, qemu.version))
        machines = [platform.to_json() for platform in found]
        output.result({"qemu": version, "machines": machines}, platforms_view(found))
        if any(platform.broken for platform in found):
            raise typer.Exit(ExitCode.FAILED)
