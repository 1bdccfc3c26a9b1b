from __future__ import annotations

from pathlib import Path

import pytest

from questv.plan.build import build
from questv.plan.model import Plan

from .typed import EXAMPLES, SYSTEMS, Questv

HELLO = EXAMPLES / "hello"


def test_a_good_system(questv: Questv) -> None:
    said = questv("check", HELLO)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "hello: 2 sandboxes, 2 cores, 2 channels, 16 MiB of memory"
    assert lines[2:4] == ["Sandboxes", "  name  core  interrupts   memory  used"]
    assert lines[4].startswith("  ping     0  guarded     512 KiB   ")
    assert "  back   ring  pong  ping  4 KiB  0x31 there, 0x31 back" in lines
    assert "Memory: 16 MiB, one character is 4 KiB" in lines
    assert lines[-1].split()[-2:] == ["-", "-"]  # the tables of pong, which nobody may touch


def test_json_is_the_plan(questv: Questv) -> None:
    said = questv("check", HELLO, "--json")
    assert (said.code, said.err) == (0, "")
    assert Plan.model_validate_json(said.out) == build(HELLO).plan


def test_the_description_itself_can_be_named(questv: Questv) -> None:
    assert questv("check", HELLO / "system.toml") == questv("check", HELLO)


@pytest.mark.parametrize("system", ["broken", "unbuildable"])
def test_all_that_is_wrong_is_said_at_once(
    system: str, questv: Questv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SYSTEMS)
    said = questv("check", system)
    assert (said.code, said.out) == (2, "")
    assert said.err == (SYSTEMS / system / "expected.txt").read_text()


@pytest.mark.parametrize("command", ["build -o image.elf", "run"])
def test_other_commands_say_the_same(
    command: str, questv: Questv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(SYSTEMS)
    said = questv(*command.replace("image", f"{tmp_path}/image").split(), "broken")
    assert said == questv("check", "broken")
    assert not (tmp_path / "image.elf").exists()


def test_errors_as_json(questv: Questv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SYSTEMS)
    said = questv("check", "broken", "--json")
    assert (said.code, said.err) == (2, "")
    errors = said.json["errors"]
    assert [error["line"] for error in errors] == [10, 19, 24, 36, 13]
    assert errors[1] == {
        "file": "broken/system.toml",
        "line": 19,
        "column": 9,
        "length": 12,
        "message": "tasks.py has no task function wrok",
        "fix": 'did you mean "work"?',
        "rule": "task-function-missing",
    }


def test_what_is_no_system(questv: Questv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("random").write_bytes(bytes(range(256)) * 16)
    Path("blank").touch()
    questv("build", HELLO, "-o", "hello.elf")
    for name, first in {
        "missing": "missing: there is no such file or folder [file-missing]",
        "empty": "empty: this folder has no file system.toml [folder-without-description]",
        "random": "random: this file is not UTF-8: byte 0x80 at line 2 [file-not-utf8]",
        "hello.elf": "error: hello.elf is an image, and no description",
    }.items():
        said = questv("check", name)
        assert (said.code, said.out) == (2, "")
        assert said.err.splitlines()[0] == first
        assert "\n  fix: " in said.err
    assert questv("check", "blank").code == 2


def test_what_a_module_prints_is_no_part_of_the_json(questv: Questv, tmp_path: Path) -> None:
    (tmp_path / "system.toml").write_text((SYSTEMS / "chatty" / "system.toml").read_text())
    tasks = (SYSTEMS / "chatty" / "tasks.py").read_text()
    (tmp_path / "tasks.py").write_text(f'{tasks}\n\nprint("imported")\n')
    said = questv("check", tmp_path, "--json")
    assert said.json["name"] == "chatty"
    assert said.err == "imported\n"
