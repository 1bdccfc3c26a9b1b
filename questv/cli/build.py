"""``questv build``."""

from __future__ import annotations

from pathlib import Path

from questv.cli.files import check_target, write_file
from questv.cli.output import command
from questv.cli.target import build_system
from questv.inspect.sizes import build_report
from questv.view.sizes import build_view


def build(system: Path, file: Path, *, checks: bool, json: bool) -> None:
    """Build a system's image into ``file``, and show how big everything in it is."""
    with command(json=json) as output:
        check_target(file, system)
        built = build_system(system, output, checks=checks)
        write_file(file, built.image)
        report = build_report(built)
        output.result(report, build_view(report))
