from __future__ import annotations

import os
import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from questv.machine import MIB, MachineError, MachineKind, memory_layout
from questv.machine.contents import CHUNK, copy_contents, open_contents

LAYOUT = memory_layout(MachineKind.MICROVM, 64 * MIB)


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    path = tmp_path / "memory"
    with path.open("wb") as file:
        file.truncate(LAYOUT.size)
    return path


def test_every_byte_is_where_it_belongs_and_no_other(tmp_path: Path, memory: Path) -> None:
    large = random.Random(1).randbytes(CHUNK + 12345)
    (tmp_path / "large").write_bytes(large)
    (tmp_path / "small").write_bytes(b"small")
    (tmp_path / "empty").touch()
    progress: list[tuple[int, int]] = []
    with ExitStack() as stack:
        contents = open_contents(
            (
                (3 * MIB + 17, tmp_path / "large"),
                (2 * MIB, tmp_path / "small"),
                (MIB, tmp_path / "empty"),
            ),
            stack,
        )
        copy_contents(contents, memory, LAYOUT, lambda *step: progress.append(step))
    expected = bytearray(LAYOUT.size)
    expected[2 * MIB : 2 * MIB + 5] = b"small"
    expected[3 * MIB + 17 : 3 * MIB + 17 + len(large)] = large
    assert memory.read_bytes() == expected
    assert len(progress) >= 3
    assert progress == sorted(progress)
    assert progress[-1] == (len(large) + 5, len(large) + 5)


def test_copies_between_file_systems(tmp_path: Path, runtime: Path) -> None:
    if tmp_path.stat().st_dev == runtime.stat().st_dev:
        pytest.skip("both places are on one file system")
    (tmp_path / "source").write_bytes(b"across" * 1000)
    memory = runtime / "memory"
    with memory.open("wb") as file:
        file.truncate(LAYOUT.size)
    with ExitStack() as stack:
        contents = open_contents(((2 * MIB, tmp_path / "source"),), stack)
        copy_contents(contents, memory, LAYOUT, None)
    assert memory.read_bytes()[2 * MIB :][:6000] == b"across" * 1000
    memory.unlink()


def test_a_file_that_shrinks_is_an_error(tmp_path: Path, memory: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(10000))
    with ExitStack() as stack:
        contents = open_contents(((2 * MIB, source),), stack)
        os.truncate(source, 5000)
        with pytest.raises(MachineError, match="source became shorter"):
            copy_contents(contents, memory, LAYOUT, None)


def test_only_regular_files(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with pytest.raises(MachineError, match=r"can't read .*none: No such file"):
            open_contents(((2 * MIB, tmp_path / "none"),), stack)
        with pytest.raises(MachineError, match="is not a regular file"):
            open_contents(((2 * MIB, Path("/dev/zero")),), stack)
        with pytest.raises(MachineError, match="Is a directory"):
            open_contents(((2 * MIB, tmp_path),), stack)
