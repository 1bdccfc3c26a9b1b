"""The page on tasks shows what commands print and what files have."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from questv.cli.scaffold import scaffold
from questv.kernel.states import slot_size
from tests.running import boot, sandbox_text, system_text, timed_text

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
[SURVIVES] = [block for block in BLOCKS if "version=1" in block]


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


@pytest.mark.parametrize("block", [block for block in BLOCKS if block not in [*WORK, SURVIVES]])
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


def test_the_state_that_survives(tmp_path: Path) -> None:
    """It is prepared, since nothing was saved before, and saved in each call."""
    one = sandbox_text("one", timed_text("smooth", "1 ms", "100 us"))
    run = boot(tmp_path, system_text(one), SURVIVES, timeout=0.5)
    plan = run.system.plan.sandbox("one")
    [state] = plan.tasks[0].states
    assert state.kept is not None
    size = slot_size(state.size)
    slots = run.memory(plan.physical(state.kept.slots), 2 * size)
    saved = [slots[at + size - state.size : at + size] for at in (0, size)]
    samples, levels = zip(*(struct.unpack("<QQ", copy) for copy in saved), strict=True)
    assert abs(samples[0] - samples[1]) == 1
    assert all(400 < level < 800 for level in levels)


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
