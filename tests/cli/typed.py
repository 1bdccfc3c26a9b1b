"""Types commands: in this process, which is quick, or as a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from questv.cli import main

SCRIPT = Path(sys.executable).parent / "questv"
EXAMPLES = Path(__file__).parents[2] / "examples"
SYSTEMS = Path(__file__).parent / "systems"

_PATIENCE = 20.0


@dataclass(frozen=True)
class Said:
    """What a command said, and the code that it left with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Questv:
    """Types command lines in this process. None of them may ever show a traceback."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: object) -> Said:
        self._monkeypatch.setattr(sys, "argv", ["questv", *map(str, words)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        captured = self._capsys.readouterr()
        code = end.value.code or 0
        assert isinstance(code, int)
        assert "Traceback" not in captured.out + captured.err
        return Said(code, captured.out, captured.err)


class Process:
    """A command in a process of its own. A context manager that ends it in order."""

    def __init__(self, *words: object, **options: Any) -> None:
        self._process = subprocess.Popen(
            [SCRIPT, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.pid = self._process.pid

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def await_line(self, part: str, *, on_errors: bool = False) -> None:
        """Wait until a line with ``part`` is on standard output, or on standard error."""
        stream = self._process.stderr if on_errors else self._process.stdout
        assert stream is not None
        while part not in (line := stream.readline()):
            assert line, f"no line has {part!r}: {self.said()}"

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def close_output(self) -> None:
        """Go away from the other end of its standard output."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.stdout = None

    def said(self) -> Said:
        """Wait for the end; what was said since the last line that was waited for."""
        out, err = self._process.communicate(timeout=_PATIENCE)
        assert "Traceback" not in (out or "") + err
        return Said(self._process.returncode, out or "", err)


def copied(name: str, folder: Path, **replaced: str) -> Path:
    """A copy of one of the tests' systems in ``folder``; each ``replaced`` key gets a new value."""
    made = folder / name
    shutil.copytree(SYSTEMS / name, made, ignore=shutil.ignore_patterns("__pycache__"))
    description = made / "system.toml"
    text = description.read_text()
    for key, value in replaced.items():
        text, count = re.subn(rf"(?m)^( *){key} = .*$", rf"\1{key} = {value}", text)
        assert count, key
    description.write_text(text)
    return made


def left_behind(place: Path) -> list[str]:
    """What machines in ``place`` have left there, and the processes that still use it."""
    deadline = time.monotonic() + 5.0
    while found := [*_files(place), *_processes(place)]:
        if time.monotonic() > deadline:
            return found
        time.sleep(0.01)
    return []


def _files(place: Path) -> list[str]:
    return [str(path) for path in place.rglob("*")]


def _processes(place: Path) -> list[str]:
    """The command lines of processes that name ``place`` or run there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(place) in line or str(place) in str((process / "cwd").readlink()):
                found.append(line)
        except OSError:
            continue  # it has just ended, or is nobody's business
    return found
