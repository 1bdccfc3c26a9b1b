"""What chains take on machines is within their bounds, and the bounds are near to what is seen.

Run as a program it does so for all systems and writes down what it finds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import pytest

from tests.realtime.chained import Measured, measure

SOME = range(2, 6)
BRIEFLY = 35_000_000
ALL = range(6, 106)
LASTS = 120_000_000
AT_ONCE = 10
RESULTS = Path("docs/results/chains.jsonl")


def check(found: Sequence[Measured]) -> None:
    """No bound is exceeded, and most are at most twice what was seen."""
    for each in found:
        assert each.latency <= each.latency_bound, each
        assert each.age <= each.age_bound, each
    assert median(each.latency_ratio for each in found) <= 2, found
    assert median(each.age_ratio for each in found) <= 2, found


def test_chains_are_within_their_bounds(tmp_path: Path) -> None:
    check([measure(seed, tmp_path, BRIEFLY) for seed in SOME])


@pytest.mark.long
@pytest.mark.parametrize("first", ALL[::AT_ONCE])
def test_chains_of_a_hundred_systems_are_within_their_bounds(tmp_path: Path, first: int) -> None:
    check([measure(seed, tmp_path, LASTS) for seed in range(first, first + AT_ONCE)])


def main() -> None:
    """Measure all systems, and write what was found to the results."""
    with tempfile.TemporaryDirectory() as folder, RESULTS.open("w") as results:
        for seed in ALL:
            print(json.dumps(asdict(measure(seed, Path(folder), LASTS))), file=results, flush=True)


if __name__ == "__main__":
    main()
