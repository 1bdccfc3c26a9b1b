"""Random programs do, compiled, what a model on Python's integers says, down to every variable.

A failure names the seed, the build and the function; ``python -m tests.metal.generate SEED``
prints the whole program.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from .differential import compare
from .generate.__main__ import ENTRIES

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(
    max_examples=4,
    database=None,
    phases=[Phase.generate],  # a smaller seed makes no smaller program
    suppress_health_check=[HealthCheck.too_slow],
)
LONG = settings(QUICK, max_examples=80)


def check(seed: int, level: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outcomes = compare(seed, (level,), Path(folder), entries=ENTRIES, calls=16).outcomes
    # A program that mostly stops or strays tests little: another one is drawn besides.
    assume(outcomes["result"] > sum(outcomes.values()) / 4)


@pytest.mark.parametrize("level", range(4))
@QUICK
@given(SEEDS)
def test_programs(level: int, seed: int) -> None:
    check(seed, level)


@pytest.mark.long
@pytest.mark.parametrize("level", range(4))
@LONG
@given(SEEDS)
def test_many_programs(level: int, seed: int) -> None:
    check(seed, level)
