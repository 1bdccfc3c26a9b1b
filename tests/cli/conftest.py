"""The commands as a person types them, and a check that they leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from questv.machine import runfiles

from .typed import Questv, left_behind


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machines of a test be alone, and be gone when it is over."""
    place = tmp_path / "machines"
    place.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    monkeypatch.setattr(runfiles, "roots", lambda: (place / "questv",))
    yield
    assert left_behind(place) == []


@pytest.fixture
def questv(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Questv:
    """Types a command line, in this process."""
    return Questv(monkeypatch, capsys)
