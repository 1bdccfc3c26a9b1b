"""What the shell offers to complete. Nothing here may fail: the person is typing."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer


def complete_input(context: typer.Context, incomplete: str) -> list[str]:
    """``NAME=`` for each input of the system on the command line."""
    # What stands before an option that is still without its value has not been parsed.
    paths = [path for path in (context.params.get("path"), *context.args) if path]
    names = _input_names(Path(paths[0])) if paths else []
    return [f"{name}=" for name in names if f"{name}=".startswith(incomplete)]


def complete_machine(incomplete: str) -> list[str]:
    """The names of running machines."""
    from questv.machine import running

    with suppress(Exception):
        return [machine.name for machine in running() if machine.name.startswith(incomplete)]
    return []


def complete_audited(context: typer.Context, incomplete: str) -> list[str]:
    """The names of running machines, if one is to be audited; files are the shell's to complete."""
    live = context.params.get("live") or "--live" in context.args
    return complete_machine(incomplete) if live else []


def _input_names(path: Path) -> list[str]:
    with suppress(Exception):
        file = path / "system.toml" if path.is_dir() else path
        system: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        sandboxes = system.get("sandbox", [])
        return [each["name"] for sandbox in sandboxes for each in sandbox.get("input", [])]
    return []
