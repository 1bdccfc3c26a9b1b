"""The set-up of a clone: whatever an earlier one left behind, it ends with what works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[1] / "scripts" / "setup"

# Stands for Python: makes an environment with itself in it, and notes what it is to install.
PYTHON = f"""\
#!/bin/sh
case "$*" in
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip install "*) echo "$*" >>installed ;;
"-m pip --version") echo "pip 1" ;;
*) exec {sys.executable} "$@" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the set-up, and a Python that installs nothing."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SETUP, tmp_path / "scripts/setup")
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def set_up(clone: Path) -> str:
    """What a set-up says that has come to its end."""
    done = subprocess.run(
        [clone / "scripts/setup"],
        env={"PYTHON": str(clone / "python"), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (clone / ".venv/.ready").exists()
    return done.stdout


MAKING = "setup: making a Python environment in .venv\n"


def test_a_new_environment_is_made_and_filled(clone: Path) -> None:
    said = set_up(clone)
    assert MAKING in said and "this takes about a minute" in said
    assert "-e .[dev]" in (clone / "installed").read_text()


def test_a_finished_environment_is_kept(clone: Path) -> None:
    set_up(clone)
    (clone / ".venv/mine").touch()
    assert MAKING not in set_up(clone)
    assert (clone / ".venv/mine").exists()
    assert len((clone / "installed").read_text().splitlines()) == 2


def test_what_an_interrupted_set_up_left_is_made_anew(clone: Path) -> None:
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").symlink_to(sys.executable)
    (clone / ".venv/half").touch()
    assert MAKING in set_up(clone)
    assert not (clone / ".venv/half").exists()


def test_an_environment_without_pip_is_made_anew(clone: Path) -> None:
    set_up(clone)
    broken = PYTHON.replace('echo "pip 1"', "exit 1")
    (clone / ".venv/bin/python").write_text(broken)
    assert MAKING in set_up(clone)
