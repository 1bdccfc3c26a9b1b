"""What all tests of channels use: their code, compiled once, in debug and release builds."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from questv.channel import copy, four_slot, ring, sleep
from questv.metal.jit import Jit

from . import crowd, drivers


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for all workers of a run, below pytest's own folder."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    patch = pytest.MonkeyPatch()
    patch.setenv("QUESTV_CACHE", str(folder / "metal-cache"))
    yield
    patch.undo()


@pytest.fixture(scope="session", params=[True, False], ids=["debug", "release"])
def jit(request: pytest.FixtureRequest, _cache: None) -> Jit:
    """The channels and what the tests' threads do with them."""
    return Jit(ring, four_slot, sleep, copy, crowd, drivers, checks=request.param)
