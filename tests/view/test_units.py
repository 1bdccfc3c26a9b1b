from __future__ import annotations

import pytest

from questv.view import units


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (4096, "4 KiB"),
        (1100 << 20, "1100 MiB"),
        (13320, "13.0 KiB"),
        ((1 << 20) + 1, "1.00 MiB"),
        ((1 << 30) - 1, "1.00 GiB"),
        (1 << 30, "1 GiB"),
        (123_456_789, "118 MiB"),
    ],
)
def test_size(number: int, text: str) -> None:
    assert units.size(number) == text


def test_frequency() -> None:
    assert units.frequency(2_597_516_516) == "2.60 GHz"
    assert units.frequency(999_999_999) == "1.00 GHz"
    assert units.frequency(14_318_180) == "14.3 MHz"
    assert units.frequency(50) == "50.0 Hz"


def test_duration() -> None:
    assert units.duration(0) == "0 ns"
    assert units.duration(999) == "999 ns"
    assert units.duration(1_234_567) == "1.23 ms"
    assert units.duration(999_999_999) == "1.00 s"
    assert units.duration(1_234_000_000_000) == "1,234 s"
    assert units.duration(25) == "25.0 ns"
    assert units.duration(2_500_000) == "2.50 ms"
    assert units.duration(999_999) == "1.00 ms"
    assert units.duration(12_000_000_000) == "12.0 s"


def test_moment_and_count() -> None:
    assert units.moment(None) == ""
    assert units.moment(1_500_000_123) == "1.500000"
    assert units.count(1, "core") == "1 core"
    assert units.count(0, "core") == "0 cores"
    assert units.count(2, "sandbox", "sandboxes") == "2 sandboxes"
    assert units.count(12_345, "line") == "12,345 lines"
