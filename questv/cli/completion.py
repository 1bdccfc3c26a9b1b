"""What the shell offers to complete. Nothing here may fail: the person is typing."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer


def complete_input(context: typer.Context, incomplete: str) -> list[str]:
    """``NAME=`` for each input of the system on the command line."""
    inputs = [each for sandbox in _tables(context, "sandbox") for each in sandbox.get("input", [])]
    return _matching([f"{each['name']}=" for each in inputs if "name" in each], incomplete)


def complete_sandbox(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the sandboxes of the system on the command line."""
    names = [sandbox["name"] for sandbox in _tables(context, "sandbox") if "name" in sandbox]
    return _matching(names, incomplete)


def complete_fault(incomplete: str) -> list[str]:
    """The kinds of fault."""
    from questv.faults.model import Kind

    return _matching(list(Kind), incomplete)


def complete_stream(context: typer.Context, incomplete: str) -> list[str]:
    """``NAME=`` for each device of the system on the command line."""
    names = [f"{device['name']}=" for device in _tables(context, "device") if "name" in device]
    return _matching(names, incomplete)


def complete_machine(incomplete: str) -> list[str]:
    """The names of running machines."""
    from questv.machine import running

    with suppress(Exception):
        return _matching([machine.name for machine in running()], incomplete)
    return []


def complete_audited(context: typer.Context, incomplete: str) -> list[str]:
    """The names of running machines, if one is to be audited; files are the shell's to complete."""
    live = context.params.get("live") or "--live" in context.args
    return complete_machine(incomplete) if live else []


def _matching(words: list[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _tables(context: typer.Context, key: str) -> list[dict[str, Any]]:
    """The tables ``[[key]]`` of the system on the command line, as far as it can be read."""
    # What stands before an option that is still without its value has not been parsed.
    paths = [path for path in (context.params.get("path"), *context.args) if path]
    with suppress(Exception):
        path = Path(paths[0])
        file = path / "system.toml" if path.is_dir() else path
        tables = tomllib.loads(file.read_text(encoding="utf-8")).get(key, [])
        return [table for table in tables if isinstance(table, dict)]
    return []
