"""Results are kept by their names."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.statistics import store, summarize


def test_results_of_other_names_stay(tmp_path: Path) -> None:
    path = tmp_path / "results" / "all.jsonl"
    store([summarize("one", "size", "bytes", [1]), summarize("two", "size", "bytes", [2])], path)
    store([summarize("three", "size", "bytes", [3]), summarize("one", "size", "bytes", [4])], path)
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(each["name"], each["median"]) for each in found] == [
        ("one", 4),
        ("two", 2),
        ("three", 3),
    ]
