from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from questv.cli.app import app

from .typed import SCRIPT, SYSTEMS, Process, Questv

COMMANDS = [info.callback.__name__ for info in app.registered_commands if info.callback]


def test_there_are_these_commands(questv: Questv) -> None:
    assert COMMANDS == [
        "check",
        "build",
        "run",
        "inspect",
        "debug",
        "audit",
        "inject",
        "campaign",
        "migrate",
        "new",
        "doctor",
    ]
    for words in ([], ["--help"], ["-h"]):
        said = questv(*words)
        assert said.code == (0 if words else 2)
        shown = said.out + said.err
        for command in COMMANDS:
            assert re.search(rf"(?m)^  {command} +[A-Z]", shown)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str, questv: Questv) -> None:
    said = questv(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: questv {command} ")
    examples = re.findall(rf"(?m)^    questv {command}\b(.*)$", said.out)
    assert examples
    for option in (word for example in examples for word in example.split() if word[0] == "-"):
        short = ("-o", "-ex")  # the second is gdb's
        assert f"{option} " in said.out.partition("Options:")[2] or option in short
    assert all(len(line) <= 80 for line in said.out.splitlines())


def test_version(questv: Questv) -> None:
    said = questv("--version")
    assert (said.code, said.out) == (0, f"questv {version('questv')}\n")
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["scripts"]["questv"] == "questv.cli:main"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["check"], "Missing argument 'SYSTEM'"),
        (["run"], "Missing argument 'SYSTEM|IMAGE'"),
        (["check", "a", "b"], "Got unexpected extra argument"),
        (["run", "a", "--speed", "3"], "No such option: --speed"),
        (["run", "a", "--for"], "Option '--for' requires an argument"),
    ],
)
def test_what_is_typed_wrong(words: list[str], problem: str, questv: Questv) -> None:
    said = questv(*words)
    assert (said.code, said.out) == (2, "")
    assert problem in said.err


def test_what_is_typed_wrong_is_told_as_json_too(questv: Questv) -> None:
    said = questv("run", "x", "--machine", "pc", "--json")
    assert (said.code, said.err) == (2, "")
    [error] = said.json["errors"]
    assert error["message"] == (
        "Invalid value for '--machine': 'pc' is not one of 'microvm', 'q35'."
    )
    assert error["fix"]
    assert "Value error" not in questv("run", "x", "--machine", "pc").err


def test_help_comes_at_once() -> None:
    """None of what commands need is loaded for it: the compiler, tables, the machine."""
    script = "import sys; from questv.cli.app import app; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", script], text=True).split())
    assert "questv.cli.app" in loaded
    assert not loaded & {"llvmlite", "elftools", "questv.plan.build", "questv.inspect"}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("questv in", ["inspect", "inject"]),
        ("questv inject x --fault k", ["kill"]),
        ("questv inject files --sandbox ", ["reader"]),
        ("questv run --det", ["--deterministic"]),
        ("questv run x --machine ", ["microvm", "q35"]),
        ("questv run files --input ", ["left=", "right="]),
        ("questv run files --input left=x --input r", ["right="]),
        ("questv run --deterministic files/system.toml --input l", ["left="]),
        ("questv run nowhere --input ", []),
        ("questv run files/tasks.py --input ", []),
        ("questv inspect endl", []),
        ("questv audit --live endl", []),
    ],
)
def test_completion(line: str, offered: list[str]) -> None:
    words = line.split(" ")
    environment = {
        **os.environ,
        "_QUESTV_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [SCRIPT], env=environment, cwd=SYSTEMS, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == offered


def test_completion_knows_what_runs() -> None:
    with Process("run", SYSTEMS / "endless") as process:
        process.await_line("tick 3")
        test_completion("questv inspect endl", ["endless"])
        test_completion("questv audit --live endl", ["endless"])
        test_completion("questv audit endl", [])
