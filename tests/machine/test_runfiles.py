from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from questv.machine import MachineError, runfiles
from questv.machine.runfiles import RunDirectory


def test_it_is_private_and_goes_without_a_trace(runtime: Path) -> None:
    directory = RunDirectory.make("demo", 0)
    assert directory.path.parent == runtime / "questv"
    assert directory.path.name.startswith("demo-")
    assert directory.path.stat().st_mode & 0o777 == 0o700
    assert directory.path.parent.stat().st_mode & 0o777 == 0o700
    assert directory.path in runfiles.live_directories()
    directory.publish("trace", b"one")
    directory.publish("trace", b"two")
    assert (directory.path / "published" / "trace").read_bytes() == b"two"
    directory.remove()
    assert list(runtime.iterdir()) == []


def test_two_at_once() -> None:
    first, second = RunDirectory.make("demo", 0), RunDirectory.make("demo", 0)
    assert {first.path, second.path} <= set(runfiles.live_directories())
    first.remove()
    assert second.path.is_dir()
    assert second.path in runfiles.live_directories()
    second.remove()


def test_the_next_one_sweeps_what_was_left_and_nothing_else(runtime: Path) -> None:
    living = RunDirectory.make("living", 0)
    (living.path / "memory").touch()
    stale = runtime / "questv" / "stale-12345678"
    (stale / "published").mkdir(parents=True)
    (stale / "memory").write_bytes(bytes(4096))
    assert stale not in runfiles.live_directories()
    fresh = RunDirectory.make("fresh", 0)
    assert not stale.exists()
    assert (living.path / "memory").exists()
    living.remove()
    fresh.remove()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b"])
def test_names_are_no_paths(name: str) -> None:
    with pytest.raises(MachineError, match="can't be the name of a file"):
        RunDirectory.make(name, 0)


def test_the_first_place_with_room_is_taken(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = {runtime / "questv": 10 << 20}
    monkeypatch.setattr(runfiles, "free_room", lambda root: rooms.get(root, 20 << 20))
    monkeypatch.setattr(runfiles, "roots", lambda: (runtime / "questv", tmp_path / "questv"))
    for room, place in ((10 << 20, runtime), ((10 << 20) + 1, tmp_path)):
        directory = RunDirectory.make("demo", room)
        assert directory.path.parent == place / "questv"
        directory.remove()


def test_no_room_anywhere_says_how_much_there_is(runtime: Path) -> None:
    with pytest.raises(MachineError, match=rf"needs 1099511627776 MiB, {runtime} has \d+ MiB, "):
        RunDirectory.make("demo", 1 << 60)
    assert list(runtime.iterdir()) == []


def test_free_room_is_no_more_than_there_is(runtime: Path) -> None:
    status = os.statvfs(runtime)
    assert 0 < runfiles.free_room(runtime / "questv") <= status.f_blocks * status.f_frsize


def test_a_place_that_others_can_write_to_is_passed_over(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runfiles, "roots", lambda: (runtime / "questv", tmp_path / "questv"))
    (runtime / "questv").mkdir()
    (runtime / "questv").chmod(0o777)
    directory = RunDirectory.make("demo", 0)
    assert directory.path.parent == tmp_path / "questv"
    directory.remove()
    (runtime / "questv").rmdir()


def test_a_link_in_the_place_is_passed_over(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runfiles, "roots", lambda: (runtime / "questv", tmp_path / "questv"))
    victim = tmp_path / "victim"
    (victim / "precious").mkdir(parents=True)
    (runtime / "questv").symlink_to(victim)
    directory = RunDirectory.make("demo", 0)
    assert directory.path.parent == tmp_path / "questv"
    assert (victim / "precious").is_dir()
    directory.remove()
    (runtime / "questv").unlink()


CONTENDER = """
from questv.machine.runfiles import RunDirectory, live_directories
for _ in range(60):
    directory = RunDirectory.make("contender", 0)
    (directory.path / "memory").touch()
    directory.publish("name", b"data")
    assert directory.path in live_directories()
    assert (directory.path / "memory").exists()
    directory.remove()
"""


def test_many_at_once_never_sweep_each_other(runtime: Path) -> None:
    contenders = [subprocess.Popen([sys.executable, "-c", CONTENDER]) for _ in range(4)]
    assert [contender.wait(60) for contender in contenders] == [0] * 4
