from __future__ import annotations

import pytest

from questv.cli.durations import LONGEST, parse_duration
from questv.cli.output import UserError


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("250ms", 250_000_000),
        ("5s", 5_000_000_000),
        ("2m", 120_000_000_000),
        ("5", 5_000_000_000),
        ("0.5", 500_000_000),
        ("1.5ms", 1_500_000),
        (" 3s ", 3_000_000_000),
        ("525600m", LONGEST),
    ],
)
def test_what_is_a_time(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "5 s",
        "5h",
        "-5s",
        "1e3",
        "0x5",
        ".5",
        "5.",
        "1_000",
        "nan",
        "٣s",
        "0ms",
        "525601m",
        "0.0000000001",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(UserError) as error:
        parse_duration(text)
    assert text in error.value.message and error.value.fix
