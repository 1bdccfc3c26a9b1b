from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from questv.machine import MIB, MachineOptions

from . import guest


def processes_of(runtime: Path) -> list[int]:
    """The processes that were started while ``runtime`` was the place for run directories."""
    mark = b"XDG_RUNTIME_DIR=" + os.fsencode(runtime)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark in environment.split(b"\0"):
                found.append(int(entry.name))
    return found


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own place for run directories; nothing may be left in it, and no process of it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        directory = Path(name)
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        yield directory
        assert processes_of(directory) == []
        assert list(directory.iterdir()) == []


@pytest.fixture
def options(tmp_path: Path) -> Callable[..., MachineOptions]:
    """Makes the options of a machine that runs the given code: ``options(code, cores=2)``."""

    def make(code: bytes, **others: object) -> MachineOptions:
        return MachineOptions(
            **{"image": guest.image(tmp_path, code), "memory": 16 * MIB, **others}  # type: ignore[arg-type]
        )

    return make
