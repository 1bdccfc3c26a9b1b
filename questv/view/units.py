"""Numbers for people: sizes, times, counts."""

from __future__ import annotations

from questv.system.units import format_size

_SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
_FREQUENCIES = ((1_000_000_000, "GHz"), (1_000_000, "MHz"), (1_000, "kHz"), (1, "Hz"))
_DURATIONS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns"))
_DIGITS = 3
_ROUNDS_TO_ONE = 1 - 0.5 / 10**_DIGITS


def size(count: int) -> str:
    """``count`` bytes: exact if that is short, else with three digits, such as ``1.25 MiB``."""
    exact = format_size(count)
    if len(exact.split()[0]) <= _DIGITS + 1:
        return exact
    return _scaled(count, _SIZES)


def moment(nanoseconds: int | None) -> str:
    """A time since the machine's start, to the microsecond; nothing if it never came."""
    return "" if nanoseconds is None else f"{nanoseconds / 1e9:.6f}"


def duration(nanoseconds: int) -> str:
    """A stretch of time with three digits, such as ``1.25 ms``."""
    return _scaled(nanoseconds, _DURATIONS)


def frequency(hertz: int) -> str:
    """A frequency with three digits, such as ``2.60 GHz``."""
    return _scaled(hertz, _FREQUENCIES)


def count(number: int, thing: str, things: str | None = None) -> str:
    """A number of things: ``1 core``, ``2 cores``."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def _scaled(value: int, units: tuple[tuple[int, str], ...]) -> str:
    """``value`` with three digits, in the largest of ``units`` of which it is at least one."""
    for scale, unit in units:
        if value >= scale * _ROUNDS_TO_ONE:
            return f"{_rounded(value / scale)} {unit}"
    return f"{value} {units[-1][1]}"


def _rounded(value: float) -> str:
    """Three significant digits, or all digits before the point."""
    whole = len(str(int(value)))
    return f"{value:,.{max(0, _DIGITS - whole)}f}"
