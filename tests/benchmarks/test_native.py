"""Two processes of this host do exchange what they are measured with; figures need a quiet host."""

from __future__ import annotations

import os
import sys

import pytest

from benchmarks import native

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {
        "_ROUNDS": 2,
        "_TURNS": 2,
        "_TRIPS": 20,
        "_SLOW_TRIPS": 3,
        "_BYTES": 1 << 17,
        "_TRIES": 2,
    }
    for name, value in sizes.items():
        monkeypatch.setattr(native, name, value)


def test_round_trips() -> None:
    results = {result.name: result for result in native.round_trips()}
    times = [name for name in results if "over the" not in name]
    assert [name.removeprefix("native round trip, ") for name in times][:5] == [
        "bare word",
        "ring",
        "four-slot register",
        "pipes",
        "UNIX socket",
    ]
    assert all(results[name].minimum > 0 and results[name].count == 4 for name in times)
    ratio = results["native round trip, ring, over the bare word"]
    assert (ratio.kind, ratio.goal, ratio.count) == ("ratio", native.GOAL, 2)


def test_a_library_that_is_not_there_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "iceoryx2", None)
    assert [way.name for way in native._python_ways()] == ["multiprocessing.Pipe, from Python"]
    assert capsys.readouterr().err.startswith("iceoryx2 is left out: it is not installed")


def test_throughput() -> None:
    results = {result.name: result for result in native.throughput()}
    for size in (4, 64):
        assert results[f"native throughput, ring, messages of {size} KiB"].minimum > 0
        assert results[f"native throughput, memcpy of {size} KiB"].minimum > 0


def test_sides_that_do_not_agree() -> None:
    way = native.Way("ring", lambda first, count: False, lambda first, count: None, 1)
    with (
        native._other_side([way.answer]) as other,
        pytest.raises(AssertionError, match="ring: the sides did not agree"),
    ):
        native._turn(other, [way], 0, 1)


def test_one_core_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    with pytest.raises(native.MissingCoresError, match="two are needed"):
        list(native.throughput())


def test_the_process_is_pinned_no_longer() -> None:
    before = os.sched_getaffinity(0)
    list(native.throughput())
    assert os.sched_getaffinity(0) == before
