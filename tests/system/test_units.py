from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questv.system.units import PAGE_SIZE, SIZE_LIMIT, format_size, pages, parse_size


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
