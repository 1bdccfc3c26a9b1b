"""Where output goes, and what becomes of the command if it can't go there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from questv.cli import main

from .typed import EXAMPLES, SCRIPT, SYSTEMS, Questv

HELLO = EXAMPLES / "hello"


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell; ``$q`` is the command."""
    environment = {**os.environ, "q": str(SCRIPT), "hello": str(HELLO), "systems": str(SYSTEMS)}
    environment.pop("PYTHONUNBUFFERED", None)  # without it more is left to be written at the end
    done = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=30
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize(
    "command", ["$q check $hello", "$q check $hello --json", "$q run $hello", "$q --help"]
)
def test_a_reader_that_goes_away(command: str) -> None:
    done = shell(f"{command} | head -1; exit ${{PIPESTATUS[0]}}")
    assert done.stdout.count("\n") == 1
    assert (done.returncode in (0, 1), done.stderr) == (True, "")  # 0: it was quicker than head


def test_a_full_disk() -> None:
    for command in ("$q doctor", "$q doctor --json", "$q run $hello"):
        done = shell(f"{command} > /dev/full")
        assert done.returncode == 1
        assert done.stderr.startswith("error: this host refuses something: [Errno 28] No space")
        assert "\n  fix: " in done.stderr


def test_closed_streams() -> None:
    assert shell("$q doctor >&-").returncode == 0
    assert shell("$q check $systems/broken 2>&-").returncode == 2
    assert shell("$q check $systems/broken 2>/dev/full").returncode == 1


def test_a_terminal_that_lacks_characters() -> None:
    system = "$(mktemp -d)/größe"
    done = shell(f"mkdir -p {system}; LC_ALL=C PYTHONUTF8=0 $q check {system}")
    assert done.returncode == 2


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_terminal_has_colours_and_is_not_overflowed(width: int, command: str) -> None:
    text = on_terminal(width, command, HELLO)
    assert "\x1b[36mping" in text and "\x1b[32mpong" in text  # a sandbox has one colour anywhere
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    lines = [line.rpartition("\r")[2] for line in plain.replace("\r\n", "\n").split("\n")]
    assert max(map(len, lines)) <= width
    assert lines[-2].startswith("the machine ran" if command == "run" else "  0x")


def test_no_colour_if_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in on_terminal(80, "run", HELLO)


def on_terminal(width: int, *words: object) -> str:
    """What a terminal of a width is sent."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    process = subprocess.Popen(
        [SCRIPT, *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    found = bytearray()
    try:
        while part := os.read(ours, 1 << 16):
            found += part
    except OSError:
        pass  # the other side is closed
    os.close(ours)
    assert process.wait(10) == 0
    return found.decode()


def test_a_defect_is_one_line_unless_more_is_wanted(
    questv: Questv, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("of all\nthings")

    monkeypatch.setattr("questv.cli.doctor.host_checks", broken)
    monkeypatch.delenv("QUESTV_DEBUG", raising=False)
    said = questv("doctor")
    assert (said.code, said.out) == (70, "")
    assert said.err == (
        "error: a defect of Quest-V: ZeroDivisionError: of all things\n"
        "  fix: report it; QUESTV_DEBUG=1 shows where it happens\n"
    )
    monkeypatch.setenv("QUESTV_DEBUG", "1")
    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr().err
    assert end.value.code == 70
    assert shown.startswith("Traceback ") and 'raise ZeroDivisionError("of all' in shown


def test_signals_are_given_back(questv: Questv) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    questv("run", HELLO)
    assert {number: signal.getsignal(number) for number in before} == before


def test_nothing_is_left_in_the_folder_of_a_system(questv: Questv, tmp_path: Path) -> None:
    questv("new", tmp_path / "sample")
    questv("run", tmp_path / "sample")
    found = {path.name for path in (tmp_path / "sample").iterdir()} - {"__pycache__"}
    assert found == {"system.toml", "tasks.py", "expect.py", "README.md"}
