"""Tasks move to and fro among admitted kernels, and nobody misses a deadline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realtime.moving import measure

SOME = (1, 20)
BRIEFLY = 40_000_000
ALL = range(60)
LASTS = 60_000_000


@pytest.mark.parametrize("seed", SOME)
def test_who_moves_and_who_stays_is_in_time(tmp_path: Path, seed: int) -> None:
    """In the second one, what a task uses between its calls would be missing in a later call."""
    assert measure(seed, tmp_path, BRIEFLY) > 10


@pytest.mark.long
@pytest.mark.parametrize("seed", ALL)
def test_who_moves_and_who_stays_is_in_time_in_many(tmp_path: Path, seed: int) -> None:
    measure(seed, tmp_path, LASTS)
