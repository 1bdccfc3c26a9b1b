"""``questv new``."""

from __future__ import annotations

import re
from pathlib import Path

from questv.cli.output import UserError, command
from questv.cli.scaffold import scaffold

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def new(folder: Path) -> None:
    """Make ``folder`` with a small system in it; nothing that is there is ever replaced."""
    with command(json=False) as output:
        name = folder.resolve().name
        if not _NAME.fullmatch(name):
            raise UserError(
                f"a system can't be called '{name}'",
                'choose a small letter, then at most 30 small letters, digits and "-"',
            )
        files = scaffold(name)
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise UserError(f"{folder} is there already", "choose another name, or remove it")
            folder.mkdir(parents=True, exist_ok=True)
            for file, text in files.items():
                (folder / file).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"can't make {folder}: {error.strerror}", "choose another place"
            ) from error
        output.show(f"{folder} has {', '.join(files)}", f"run it: questv run {folder}")
