from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from questv.cli.scaffold import scaffold

from .typed import Questv


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_what_is_made_runs_at_once(questv: Questv) -> None:
    said = questv("new", "my-system")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "my-system has system.toml, tasks.py, expect.py, README.md\nrun it: questv run my-system\n"
    )
    assert questv("check", "my-system").out.startswith("my-system: 2 sandboxes, 2 cores, 1 channel")
    said = questv("run", "my-system")
    assert (said.code, said.err) == (0, "")
    assert "  watcher/watch   reading 9, " in said.out
    assert "\nended as planned, 2 expectations met\n" in said.out


def test_all_that_its_readme_says_works(questv: Questv, monkeypatch: pytest.MonkeyPatch) -> None:
    questv("new", "sample")
    monkeypatch.chdir("sample")
    text = Path("README.md").read_text()
    commands = [line.strip().partition(" #")[0] for line in text.splitlines() if "    que" in line]
    assert len(commands) == 5
    for command in commands:
        assert questv(*command.split()[1:]).code == 0, command


def test_mypy_accepts_it_where_it_lies(questv: Questv) -> None:
    questv("new", "sample")
    page = (Path(__file__).parents[2] / "docs" / "metal.md").read_text()
    (settings,) = re.findall(r"^```ini\n(.*?)^```", page, re.S | re.M)
    Path("sample/mypy.ini").write_text(settings)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "."], cwd="sample", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_expectations_can_fail(questv: Questv) -> None:
    questv("new", "sample")
    description = Path("sample/system.toml")
    description.write_text(description.read_text().replace("samples = 10", "samples = 9"))
    said = questv("run", "sample")
    assert said.code == 1 and "  NOT MET  all readings  9 of 10\n" in said.out


def test_an_empty_folder_is_filled(questv: Questv) -> None:
    Path("parent/sample").mkdir(parents=True)
    assert questv("new", "parent/sample").code == 0
    assert questv("new", "other/deep/sample").code == 0
    assert Path("other/deep/sample/tasks.py").is_file()


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("full", "full is there already"),
        ("file", "file is there already"),
        ("file/below", "can't make file/below: Not a directory"),
        ("Name", "a system can't be called 'Name'"),
        ("1st", "a system can't be called '1st'"),
        ("x" * 32, f"a system can't be called '{'x' * 32}'"),
    ],
)
def test_what_is_there_is_never_touched(folder: str, message: str, questv: Questv) -> None:
    Path("full").mkdir()
    Path("full/tasks.py").write_text("mine")
    Path("file").write_text("mine")
    before = {path: path.is_file() and path.read_text() for path in Path().rglob("*")}
    said = questv("new", folder)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {message}\n  fix: ")
    assert {path: path.is_file() and path.read_text() for path in Path().rglob("*")} == before


def test_what_is_made_is_tidy() -> None:
    for name, text in scaffold("sample").items():
        assert "@NAME@" not in text and text.endswith("\n")
        assert all(len(line) <= 100 for line in text.splitlines())
        if name.endswith(".py"):
            assert ast.get_docstring(ast.parse(text))
