"""The page on tasks shows what commands print and what files have."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from questv.cli.scaffold import scaffold

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
FILES = [*scaffold("mine").values()] + [
    file.read_text(encoding="utf-8")
    for example in ("drone", "levels", "serial", "tank")
    for file in (ROOT / "examples" / example).iterdir()
    if file.suffix in (".py", ".toml")
]
BLOCKS = re.findall(r"^```(?:toml|python)\n(.*?)^```", PAGE, re.S | re.M)
WORK = [block for block in BLOCKS if "sink" in block]


def _shown() -> list[tuple[str, str]]:
    """What the page shows of each command's output, which stands below the command."""
    found: list[tuple[str, str]] = []
    parts = re.finditer(r"^```(\w*)\n(.*?)^```|(questv (?:check|run) [^`\n]*)", PAGE, re.S | re.M)
    for language, output, command in (part.groups() for part in parts):
        if command:
            found.append((command, ""))
        elif not language:
            found[-1] = (found[-1][0], found[-1][1] + output)
    return [(command, shown) for command, shown in found if shown]


@pytest.mark.parametrize("block", [block for block in BLOCKS if block not in WORK])
def test_what_it_shows_stands_in_files(block: str) -> None:
    assert any(block in text for text in FILES)


def test_commands_print_what_it_says(tmp_path: Path) -> None:
    """The reader's system changes from command to command, as the text has it change."""
    mine = tmp_path / "mine"
    mine.mkdir()
    for name, text in scaffold("mine").items():
        (mine / name).write_text(text, encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    changes = _changes(mine)
    shown_of = _shown()
    assert len(shown_of) == 7
    for command, shown in shown_of:
        if "examples" not in command:
            next(changes)
        printed = _lines(_output(command, tmp_path))
        assert [line for line in _lines(shown) if line not in printed] == [], command


def _changes(mine: Path) -> Iterator[None]:
    """What the reader does before each command about ``mine``."""
    yield  # as it is made: looked at,
    yield  # and run
    declared, work = WORK
    tasks = (mine / "tasks.py").read_text(encoding="utf-8")
    tasks = tasks.replace("Ptr, local, ptr, u8", "Ptr, Volatile, local, ptr, static, u8")
    tasks = tasks.replace("class Progress", f"{declared}\n\nclass Progress")
    body = "    reading = Ptr[Reading](readings.res"
    (mine / "tasks.py").write_text(tasks.replace(body, work + body), encoding="utf-8")
    yield
    description = (mine / "system.toml").read_text(encoding="utf-8")
    for budget in ("6 ms", "2 ms"):
        changed = description.replace('budget = "1 ms"', f'budget = "{budget}"')
        (mine / "system.toml").write_text(changed, encoding="utf-8")
        yield


def _output(command: str, folder: Path) -> str:
    program, *words = command.split()
    path = Path(sys.executable).with_name(program)
    done = subprocess.run(
        [path, *words], capture_output=True, text=True, cwd=folder, timeout=60, check=False
    )
    return done.stdout + done.stderr


def _lines(text: str) -> list[str]:
    """The lines without what changes with the kernel's code: numbers, columns and bars."""
    plain = re.sub(r"[0-9][0-9.,]*|[▁-█]|-", "#", text)
    return [re.sub(r"[\s#]+", " ", line).strip() for line in plain.splitlines()]
