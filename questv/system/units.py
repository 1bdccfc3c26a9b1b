"""Sizes in bytes and durations in nanoseconds, as people write and read them."""

from __future__ import annotations

import re

PAGE_SIZE = 4096
"""Bytes of a page: the grain of every right to memory."""

SIZE_LIMIT = 1 << 52
"""Sizes are below this: x86-64 has no physical address of more than 52 bits."""

_UNITS = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}

_SIZE = re.compile(r"([0-9]{1,16}) ?(B|KiB|MiB|GiB)")


LONGEST_DURATION = 3600 * 10**9
"""Durations are at most an hour: in what is done again and again, a longer one is a slip."""

_TIME_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

_DURATION = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,9}))? ?(ns|us|ms|s)")


def parse_size(value: str | int) -> int:
    """The number of bytes that ``value`` stands for.

    ``value`` is ``"<integer> <B|KiB|MiB|GiB>"``, the space being optional, or bytes as a plain
    integer. Raises ValueError, with a text for people, for anything else and for a size that is
    negative or not below SIZE_LIMIT.
    """
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match is None:
            raise ValueError(f'"{value}" is not a size')
        size = int(match[1]) * _UNITS[match[2]]
    else:
        size = value
    if not 0 <= size < SIZE_LIMIT:
        raise ValueError(f"{size} bytes are not a size: it is 0 or more, below {SIZE_LIMIT}")
    return size


def format_size(size: int) -> str:
    """``size`` bytes (0 or more) in the largest unit that divides it: ``parse_size`` undoes it."""
    for unit, scale in _UNITS.items():
        if size and size % scale == 0:
            return f"{size // scale} {unit}"
    return "0 B"


def pages(size: int) -> int:
    """``size`` bytes rounded up to whole pages, in bytes."""
    return -(-size // PAGE_SIZE) * PAGE_SIZE


def parse_duration(value: str | int) -> int:
    """The number of nanoseconds that ``value`` stands for.

    ``value`` is ``"<number> <ns|us|ms|s>"``, the space being optional and the number with or
    without decimals, or nanoseconds as a plain integer. Raises ValueError, with a text for people,
    for anything else, for what is not whole nanoseconds, and for nothing or more than an hour.
    """
    nanoseconds = value
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None:
            raise ValueError(f'"{value}" is not a duration')
        whole, decimals = match[1], match[2] or ""
        scale = 10 ** len(decimals)
        nanoseconds, rest = divmod(int(whole + decimals) * _TIME_UNITS[match[3]], scale)
        if rest:
            raise ValueError(f'"{value}" is not a duration of whole nanoseconds')
    assert isinstance(nanoseconds, int)
    if not 1 <= nanoseconds <= LONGEST_DURATION:
        raise ValueError(f"{nanoseconds} ns are not a duration: it is 1 ns to an hour")
    return nanoseconds


def format_duration(nanoseconds: int) -> str:
    """A duration (1 ns or more) in the largest unit of which it is a whole number.

    ``parse_duration`` undoes it.
    """
    unit = next(unit for unit, scale in _TIME_UNITS.items() if nanoseconds % scale == 0)
    return f"{nanoseconds // _TIME_UNITS[unit]} {unit}"
