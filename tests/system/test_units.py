from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.system.units import (
    LONGEST_DURATION,
    PAGE_SIZE,
    SIZE_LIMIT,
    format_duration,
    format_size,
    pages,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0 B", 0),
        ("1 B", 1),
        ("8 KiB", 8192),
        ("8KiB", 8192),
        ("64 MiB", 67108864),
        ("1 GiB", 1073741824),
        (4097, 4097),
        (0, 0),
        (SIZE_LIMIT - 1, SIZE_LIMIT - 1),
    ],
)
def test_sizes_that_are_right(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8",
        "KiB",
        "8  KiB",
        " 8 KiB",
        "8 KiB ",
        "8 KiB\n",
        "8 kib",
        "8 KB",
        "8 TiB",
        "-8 KiB",
        "+8 KiB",
        "1.5 KiB",
        "1_000 B",
        "0x10 KiB",
        "٨ KiB",
        "4194304 GiB",
        "9" * 5000 + " B",
        -1,
        SIZE_LIMIT,
    ],
)
def test_sizes_that_are_wrong(text: str | int) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@given(st.integers(0, SIZE_LIMIT - 1) | st.builds(lambda n: n << 20, st.integers(0, 1 << 31)))
def test_what_is_printed_is_read_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536 << 10, "1536 KiB"), (3 << 30, "3 GiB")],
)
def test_the_largest_unit_that_divides_is_printed(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, SIZE_LIMIT))
def test_pages_are_the_least_that_hold_the_size(size: int) -> None:
    assert pages(size) % PAGE_SIZE == 0
    assert size <= pages(size) < size + PAGE_SIZE


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1 ns", 1),
        ("1ns", 1),
        ("100 us", 100_000),
        ("1.5 ms", 1_500_000),
        ("0.000000001 s", 1),
        ("1.000 us", 1000),
        ("2 s", 2_000_000_000),
        ("3600 s", LONGEST_DURATION),
        (1, 1),
        (LONGEST_DURATION, LONGEST_DURATION),
    ],
)
def test_durations_that_are_right(text: str | int, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "ms",
        "1  ms",
        " 1 ms",
        "1 ms\n",
        "1 MS",
        "1 m",
        "1 h",
        "-1 ms",
        "+1 ms",
        ".5 ms",
        "1. ms",
        "1e3 ns",
        "1,5 ms",
        "٣ ms",
        "0 ns",
        "0.0 s",
        "0.5 ns",
        "1.0000001 ms",
        "3600.000000001 s",
        "9" * 5000 + " ns",
        0,
        -1,
        LONGEST_DURATION + 1,
    ],
)
def test_durations_that_are_wrong(text: str | int) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@given(st.integers(1, LONGEST_DURATION) | st.builds(lambda n: n * 10**6, st.integers(1, 10**6)))
def test_a_duration_that_is_printed_is_read_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(1, "1 ns"), (1000, "1 us"), (1500, "1500 ns"), (10**6, "1 ms"), (60 * 10**9, "60 s")],
)
def test_the_largest_unit_of_a_duration_is_printed(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text
