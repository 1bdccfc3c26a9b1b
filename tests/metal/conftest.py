"""What all tests of the compiler use: a cache of their own, and modules made from text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from .loading import Workshop

settings.register_profile("metal", deadline=None)  # a busy machine is no failure
settings.load_profile("metal")


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Objects are cached below pytest's own folder, one cache for all workers of a run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    patch = pytest.MonkeyPatch()
    patch.setenv("QUESTV_CACHE", str(folder / "metal-cache"))
    patch.setattr(sys, "dont_write_bytecode", True)  # modules are rewritten within one second
    yield
    patch.undo()


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()
